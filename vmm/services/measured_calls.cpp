#include "vmm/services/measured_calls.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "shared/channel/mmio.hpp"
#include "shared/channel/ports.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/thread.hpp"
#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm {

namespace {

namespace mmio = channel::mmio;
namespace port = channel::port;

constexpr std::uint32_t call_bytes = 4;

/// A doorbell is not heard in the bare loop, so that it costs what the loop does.
bool is_for_bare_loop(const kvm_run& run) {
    return run.exit_reason == KVM_EXIT_IO
               ? run.io.port == port::nothing || run.io.port == port::doorbell
               : run.exit_reason == KVM_EXIT_MMIO && run.mmio.phys_addr == mmio::nothing;
}

int run_bare(kvm::Vcpu& vcpu) {
    int error = 0;
    do {
        error = vcpu.run();
    } while (error == 0 && is_for_bare_loop(vcpu.run_page()));
    return error;
}

Device of_first_vcpu(Device device) {
    return [device = std::move(device)](const Access& access) {
        return access.vcpu.cpu() == 0 ? device(access) : access.unanswered();
    };
}

/// An eventfd to which KVM adds 1 for each write to a port.
Descriptor port_event(kvm::Vm& vm, std::uint16_t port, int flags) {
    Descriptor event(::eventfd(0, EFD_CLOEXEC | flags));
    if (event.get() < 0) {
        throw_error(ErrorKind::kernel_refused, "cannot make an eventfd: {}", std::strerror(errno));
    }
    vm.add_port_event(port, call_bytes, event);
    return event;
}

/// How many writes there were since the last call; waits for some if the event is made to.
std::uint64_t take(const Descriptor& event) {
    eventfd_t count = 0;
    return ::eventfd_read(event.get(), &count) == 0 ? count : 0;  // EAGAIN: none; EINTR
}

}  // namespace

void register_null_calls(ExitTable& exits) {
    exits.add_port(port::nothing, [](const Access&) { return Answer(); });
    exits.add_memory(mmio::nothing, mmio::nothing + 1, [](const Access& access) {
        return access.is_write ? Answer() : access.unanswered();
    });
    exits.add_port(port::bare_loop, on_call([](const Access& access, std::uint32_t value) {
                       access.vcpu.enter_by(value != 0 ? run_bare : nullptr);
                       return Answer();
                   }));
    exits.add_port(port::exits,
                   [](const Access& access) { return access.read_as(access.vcpu.exits()); });
}

ExitlessCalls::ExitlessCalls(const kvm::System& system, kvm::Vm& vm, const kvm::Vcpu& first) {
    if (const int page = system.extension(KVM_CAP_COALESCED_MMIO); page > 0) {
        ring_.emplace(first.page_of_mapping(static_cast<std::size_t>(page)));
        vm.add_coalesced(mmio::coalesced, call_bytes, /*is_port=*/false);
        coalesces_ports_ = system.extension(KVM_CAP_COALESCED_PIO) > 0;
        if (coalesces_ports_) {
            vm.add_coalesced(port::coalesced, call_bytes, /*is_port=*/true);
        }
    }
    if (system.extension(KVM_CAP_IOEVENTFD) > 0) {
        event_ = port_event(vm, port::event, EFD_NONBLOCK);
        waited_for_ = port_event(vm, port::waited_event, 0);
    }
}

void ExitlessCalls::start() {
    if (waited_for_) {
        waiter_ = start_thread("that waits for an ioeventfd", [this](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                // Relaxed: a count, and nothing that goes with it.
                seen_.fetch_add(take(*waited_for_), std::memory_order_relaxed);
            }
        });
    }
}

ExitlessCalls::~ExitlessCalls() {
    waiter_.request_stop();
    if (waited_for_) {
        // Again and again, or the thread would wait for ever; but for EAGAIN: it has counted to
        // 2^64 - 2, and nobody waits.
        while (::eventfd_write(waited_for_->get(), 1) != 0 && errno != EAGAIN) {
        }
    }
}

std::vector<std::pair<std::string, std::uint64_t>> ExitlessCalls::offered() const {
    return {{"coalesced_port", coalesces_ports_ ? 1U : 0U},
            {"coalesced_memory", ring_ ? 1U : 0U},
            {"events", event_ ? 1U : 0U}};
}

Answer ExitlessCalls::answer_coalesced(const Access& access, NumberedWrites& writes) {
    if (ring_) {  // what came before it
        ring_->empty([this](const kvm_coalesced_mmio& write) {
            std::uint32_t value = 0;
            std::memcpy(&value, write.data, sizeof value);
            (write.pio != 0 ? to_port_ : to_memory_).add(value);
        });
    }
    if (const auto value = access.written()) {
        writes.add(*value);
        return std::nullopt;
    }
    return access.read_as(writes.arrived());
}

void ExitlessCalls::register_in(ExitTable& exits) {
    const auto coalesced = [this](NumberedWrites& writes) {
        return of_first_vcpu(
            [this, &writes](const Access& access) { return answer_coalesced(access, writes); });
    };
    exits.add_port(port::coalesced, coalesced(to_port_));
    exits.add_memory(mmio::coalesced, mmio::coalesced + 1, coalesced(to_memory_));
    exits.add_port(port::event, of_first_vcpu([this](const Access& access) {
                       events_ += event_ ? take(*event_) : 0;
                       return access.read_as(static_cast<std::uint32_t>(events_));
                   }));
    exits.add_port(port::waited_event, of_first_vcpu([this](const Access& access) {
                       return access.read_as(
                           static_cast<std::uint32_t>(seen_.load(std::memory_order_relaxed)));
                   }));
}

}  // namespace nestbed::vmm
