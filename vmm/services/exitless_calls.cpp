#include "vmm/services/exitless_calls.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "shared/channel/mmio.hpp"
#include "shared/channel/ports.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

namespace mmio = channel::mmio;
namespace port = channel::port;

constexpr std::uint32_t call_bytes = 4;

Descriptor make_eventfd() {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        throw_error(ErrorKind::kernel_refused, "cannot make an eventfd: {}", std::strerror(errno));
    }
    return Descriptor(fd);
}

}  // namespace

PortEvent::PortEvent(kvm::Vm& vm, std::uint16_t port) : fd_(make_eventfd()) {
    vm.add_port_event(port, call_bytes, fd_);
}

std::uint64_t PortEvent::wait() {
    pollfd event{fd_.get(), POLLIN, 0};
    ::poll(&event, 1, -1);
    return read();
}

std::uint64_t PortEvent::take() { return read(); }

void PortEvent::wake() {
    const std::uint64_t one = 1;
    // Fails only if it has counted to 2^64 - 2, and then nobody waits.
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
}

std::uint64_t PortEvent::read() {
    std::uint64_t count = 0;
    const ssize_t size = ::read(fd_.get(), &count, sizeof count);
    return size == sizeof count ? count : 0;  // EAGAIN: there were none
}

ExitlessCalls::ExitlessCalls(const kvm::System& system, kvm::Vm& vm, const kvm::Vcpu& first) {
    if (const int page = system.extension(KVM_CAP_COALESCED_MMIO); page > 0) {
        ring_.emplace(first.page_of_mapping(static_cast<std::size_t>(page)));
        vm.add_coalesced_memory(mmio::coalesced, call_bytes);
        if (system.extension(KVM_CAP_COALESCED_PIO) > 0) {
            vm.add_coalesced_port(port::coalesced, call_bytes);
            coalesces_ports_ = true;
        }
    }
    if (system.extension(KVM_CAP_IOEVENTFD) > 0) {
        event_.emplace(vm, port::event);
        waited_for_.emplace(vm, port::waited_event);
        waiter_ = std::jthread([this](const std::stop_token& stop) { wait_for_events(stop); });
    }
}

ExitlessCalls::~ExitlessCalls() {
    waiter_.request_stop();
    if (waited_for_) {
        waited_for_->wake();
    }
}

std::vector<std::pair<std::string, std::uint64_t>> ExitlessCalls::offered() const {
    return {{"coalesced_port", coalesces_ports_ ? 1U : 0U},
            {"coalesced_memory", ring_ ? 1U : 0U},
            {"events", event_ ? 1U : 0U}};
}

void ExitlessCalls::wait_for_events(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        // Relaxed: a count, and nothing that goes with it.
        seen_.fetch_add(waited_for_->wait(), std::memory_order_relaxed);
    }
}

void ExitlessCalls::empty_ring() {
    if (!ring_) {
        return;
    }
    ring_->empty([this](const kvm::CoalescedWrite& write) {
        const auto value = static_cast<std::uint32_t>(write.value);
        (write.to_port ? to_port_ : to_memory_).add(value);
    });
}

bool ExitlessCalls::take_port_write(std::uint16_t port, std::uint32_t value) {
    if (port != port::coalesced) {
        return false;
    }
    empty_ring();  // what came before it
    to_port_.add(value);
    return true;
}

bool ExitlessCalls::take_memory_write(std::uint64_t address, std::uint32_t value) {
    if (address != mmio::coalesced) {
        return false;
    }
    empty_ring();
    to_memory_.add(value);
    return true;
}

std::optional<std::uint32_t> ExitlessCalls::arrived_at_port(std::uint16_t port) {
    switch (port) {
        case port::coalesced:
            empty_ring();
            return to_port_.arrived();
        case port::event:
            events_ += event_ ? event_->take() : 0;
            return static_cast<std::uint32_t>(events_);
        case port::waited_event:
            return static_cast<std::uint32_t>(seen_.load(std::memory_order_relaxed));
        default:
            return std::nullopt;
    }
}

std::optional<std::uint32_t> ExitlessCalls::arrived_at_memory(std::uint64_t address) {
    if (address != mmio::coalesced) {
        return std::nullopt;
    }
    empty_ring();
    return to_memory_.arrived();
}

}  // namespace nestbed::vmm
