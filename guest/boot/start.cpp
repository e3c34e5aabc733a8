// From a vCPU's first C++ instruction to the test.

#include "guest/harness/log.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/boot.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/channel/ports.hpp"

namespace nestbed::guest {

namespace {

const channel::BootInfo* boot;

bool same_name(const char* left, const char* right) {
    while (*left != '\0' && *left == *right) {
        ++left;
        ++right;
    }
    return *left == *right;
}

}  // namespace

const channel::BootInfo& boot_info() { return *boot; }

std::uint64_t parameter(ConstantString name, std::uint64_t fallback) {
    // The host tells whoever misspelt one.
    write_record(channel::RecordType::parameter, name.c_str());
    for (std::uint32_t i = 0; i < boot->parameter_count; ++i) {
        if (same_name(boot->parameters[i].name, name.c_str())) {
            return boot->parameters[i].value;
        }
    }
    return fallback;
}

extern "C" [[noreturn]] void guest_start(const channel::BootInfo* info, std::uint32_t cpu) {
    // Every CPU stores the same value, so the order among them does not matter.
    std::atomic_ref(boot).store(info, std::memory_order_relaxed);
    if (info->magic != channel::boot_magic || info->abi_version != channel::abi_version ||
        info->size < sizeof(channel::BootInfo)) {
        out(channel::port::panic, 0);  // nothing else is known to be where it should
        halt_forever();
    }
    initialize_cpu(cpu, *info);
    if (cpu != 0) {
        idle();
    }
    set_interrupt_handler(wake_vector, [](channel::TrapFrame&) {});
    wait_for_application_processors();
    enable_interrupts();
    info->test->body();
    require_no_work();  // not in finish_test(), which a failure calls in the middle of things
    finish_test();
}

void finish_test() {
    disable_interrupts();
    out(channel::port::finish, 0);
    halt_forever();
}

}  // namespace nestbed::guest
