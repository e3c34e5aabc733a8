#include "vmm/machine/exit_table.hpp"

#include <fmt/format.h>
#include <linux/kvm.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm {

namespace {

std::string text_of(const Access& access) {
    return access.to == Access::To::port
               ? fmt::format("a {}-byte {} port {:#x}", access.data.size(),
                             access.is_write ? "write to" : "read from", access.address)
               : fmt::format("a {} of {} bytes at guest physical {:#x}",
                             access.is_write ? "write" : "read", access.data.size(),
                             access.address);
}

const char* cause_of_internal_error(std::uint32_t suberror) {
    switch (suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            return "KVM cannot emulate this instruction";
        case KVM_INTERNAL_ERROR_SIMUL_EX:
            return "two exceptions at once while delivering one";
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            return "an exit while an event was delivered";
        default:
            return "unknown cause";
    }
}

std::string describe(const decltype(kvm_run::internal)& error) {
    const auto data = std::span(error.data).first(std::min<std::size_t>(error.ndata, 16));
    return fmt::format("{} (KVM_EXIT_INTERNAL_ERROR, suberror {}{}{:#x})",
                       cause_of_internal_error(error.suberror), error.suberror,
                       data.empty() ? "" : ", data ", fmt::join(data, " "));
}

}  // namespace

std::optional<std::uint32_t> Access::written() const {
    std::uint32_t value = 0;
    if (!is_write || data.size() != sizeof value) {
        return std::nullopt;
    }
    std::memcpy(&value, data.data(), sizeof value);
    return value;
}

Answer Access::read_as(std::uint32_t value) const {
    if (is_write || data.size() != sizeof value) {
        return unanswered();
    }
    std::memcpy(data.data(), &value, sizeof value);
    return std::nullopt;
}

std::uint64_t Access::value() const {
    std::uint64_t value = 0;
    std::memcpy(&value, data.data(), std::min(data.size(), sizeof value));
    return value;
}

Answer Access::put(std::uint64_t value) const {
    std::memcpy(data.data(), &value, std::min(data.size(), sizeof value));
    return std::nullopt;
}

Outcome Access::unanswered() const {
    return end(Ending::unexpected_exit,
               text_of(*this) + (to == To::port ? ", which is no port of this machine"
                                                : ", where there is no memory"));
}

Answer Access::refuse(const std::optional<std::string>& problem) const {
    return problem ? Answer(end(Ending::unexpected_exit,
                                fmt::format("{}: {}", text_of(*this), *problem)))
                   : std::nullopt;
}

Outcome Access::end(Ending ending, std::string detail) const {
    return {ending, vcpu.cpu(), std::move(detail)};
}

Device one_at_a_time(Device device) {
    return [device = std::move(device),
            taken = std::make_shared<std::atomic_flag>()](const Access& access) -> Answer {
        // Acquire and release: whoever comes next sees what this one did.
        if (taken->test_and_set(std::memory_order_acquire)) {
            return access.refuse("another vCPU is at it at the same time");
        }
        Answer answer = device(access);
        // Not after an exception, which ends the run.
        taken->clear(std::memory_order_release);
        return answer;
    };
}

Device byte_by_byte(std::uint16_t first, std::uint16_t count, Device device) {
    return [first, count, device = std::move(device)](const Access& access) -> Answer {
        for (std::size_t n = 0; n < access.data.size(); ++n) {
            Access one = access;
            one.address = access.address + n;
            one.data = access.data.subspan(n, 1);
            const bool is_there = one.address < std::uint32_t{first} + count;
            if (!is_there && !access.is_write) {
                one.data[0] = std::byte{0xFF};
            }
            if (Answer answer = is_there ? device(one) : std::nullopt) {
                return answer;
            }
        }
        return std::nullopt;
    };
}

void ExitTable::add(Place place) {
    if (std::ranges::any_of(places_, [&](const Place& other) {
            return place.to == other.to && place.first < other.end && other.first < place.end;
        })) {
        throw_error(ErrorKind::ours, "{} {:#x} has a device already",
                    place.to == Access::To::port ? "port" : "guest physical address", place.first);
    }
    places_.push_back(std::move(place));
}

Answer ExitTable::answer(VcpuThread& vcpu) const {
    kvm_run& run = vcpu.vcpu().run_page();
    switch (run.exit_reason) {
        case KVM_EXIT_IO:
            return answer_port_io(vcpu, run);
        case KVM_EXIT_MMIO:
            return answer_access(
                {.vcpu = vcpu,
                 .to = Access::To::memory,
                 .address = run.mmio.phys_addr,
                 .is_write = run.mmio.is_write != 0,
                 .data = std::as_writable_bytes(std::span(run.mmio.data).first(run.mmio.len))});
        case KVM_EXIT_INTR:
            return std::nullopt;
        case KVM_EXIT_SHUTDOWN:
            return Outcome{Ending::triple_fault, vcpu.cpu(), "triple fault (KVM_EXIT_SHUTDOWN)"};
        case KVM_EXIT_INTERNAL_ERROR:
            return Outcome{Ending::internal_error, vcpu.cpu(), describe(run.internal)};
        case KVM_EXIT_FAIL_ENTRY:
            return Outcome{
                Ending::entry_failed, vcpu.cpu(),
                fmt::format("the processor refused the guest's state (KVM_EXIT_FAIL_ENTRY, "
                            "hardware reason {:#x})",
                            run.fail_entry.hardware_entry_failure_reason)};
        default:
            return answer_other(vcpu, run.exit_reason);
    }
}

Answer ExitTable::answer_port_io(VcpuThread& vcpu, kvm_run& run) const {
    std::byte* const data = reinterpret_cast<std::byte*>(&run) + run.io.data_offset;
    const Access all{.vcpu = vcpu,
                     .to = Access::To::port,
                     .address = run.io.port,
                     .is_write = run.io.direction == KVM_EXIT_IO_OUT,
                     .data = {data, std::size_t{run.io.size} * run.io.count}};
    if (run.io.count != 1 && strings_ == StringAccess::refused) {
        return all.unanswered();
    }
    for (std::size_t done = 0; done < all.data.size(); done += run.io.size) {
        Access one = all;
        one.data = all.data.subspan(done, run.io.size);
        if (Answer answer = answer_access(one)) {
            return answer;
        }
    }
    return std::nullopt;
}

Answer ExitTable::answer_access(const Access& access) const {
    for (const Place& place : places_) {
        if (place.to == access.to && place.first <= access.address && access.address < place.end) {
            return place.device(access);
        }
    }
    return rest_ ? rest_(access) : access.unanswered();
}

Answer ExitTable::answer_other(VcpuThread& vcpu, std::uint32_t reason) const {
    const auto registered = std::ranges::find(reasons_, reason, &Reason::reason);
    if (registered != reasons_.end()) {
        return registered->answer(vcpu);
    }
    return Outcome{Ending::unexpected_exit, vcpu.cpu(),
                   fmt::format("an exit for reason {} of <linux/kvm.h>, which this VMM does not "
                               "handle",
                               reason)};
}

}  // namespace nestbed::vmm
