#include "guest/kernel/panic.hpp"

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

void panic(const char* message) {
    disable_interrupts();
    this_cpu().panic_report->message = message;
    out(channel::port::panic, 0);
    halt_forever();
}

void panic(const channel::TrapFrame& frame, std::uint64_t cr2, const char* message) {
    channel::PanicReport& report = *this_cpu().panic_report;
    report.message = message;
    report.cr2 = cr2;
    report.trap = frame;
    report.has_trap = 1;
    out(channel::port::panic, 0);
    halt_forever();
}

// The entry library's word for a broken obligation (shared/paging/stale.hpp).
extern "C" [[noreturn]] void nestbed_paging_fatal(const char* message) noexcept { panic(message); }

}  // namespace nestbed::guest
