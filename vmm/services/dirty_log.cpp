#include "vmm/services/dirty_log.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

using channel::DirtyLogging;
using channel::DirtyLogKind;

/// The capability under whose name this KVM has dirty rings, if it has any.
int ring_capability(const kvm::System& system) {
    // Of the same meaning on x86; kernels before 6.1 know only the second.
    return system.extension(KVM_CAP_DIRTY_LOG_RING_ACQ_REL) > 0 ? KVM_CAP_DIRTY_LOG_RING_ACQ_REL
                                                                : KVM_CAP_DIRTY_LOG_RING;
}

std::uint64_t bitmap_flags(const DirtyLogging& wanted) {
    return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
           (wanted.initially_set != 0 ? KVM_DIRTY_LOG_INITIALLY_SET : 0);
}

std::uint32_t enable_rings(std::uint32_t wanted, const kvm::System& system, kvm::Vm& vm) {
    const int capability = ring_capability(system);
    const auto enable = [&](std::uint32_t entries) {
        return vm.enable_capability(capability, entries * sizeof(kvm_dirty_gfn));
    };
    // KVM refuses fewer than it keeps in reserve, by the processor; a ring is a page at least.
    std::uint32_t entries = wanted != 0 ? wanted : 4096 / sizeof(kvm_dirty_gfn);
    int error = enable(entries);
    while (error == EINVAL && wanted == 0 && entries < channel::max_dirty_ring_entries) {
        entries *= 2;
        error = enable(entries);
    }
    if (error != 0) {
        throw_error(ErrorKind::kernel_refused, "KVM refuses dirty rings of {}: {}",
                    wanted == 0 ? "any size" : fmt::format("{} entries", wanted),
                    std::strerror(error));
    }
    return entries;
}

}  // namespace

std::optional<std::string> objection_to(const DirtyLogging& wanted, const kvm::System& system) {
    if (wanted.kind == DirtyLogKind::ring) {
        const int bytes = system.extension(ring_capability(system));
        const auto most = static_cast<std::uint32_t>(bytes) / sizeof(kvm_dirty_gfn);
        if (most == 0) {
            return "this host's KVM has no dirty rings (KVM_CAP_DIRTY_LOG_RING)";
        }
        if (wanted.ring_entries > most) {
            return fmt::format("dirty rings of this host's KVM have {} entries at most", most);
        }
    } else if (wanted.kind == DirtyLogKind::bitmap) {
        const int offered = system.extension(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
        const std::uint64_t missing = bitmap_flags(wanted) & ~static_cast<std::uint64_t>(offered);
        if ((missing & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) != 0) {
            return "this host's KVM has no dirty bitmap that is cleared by hand "
                   "(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)";
        }
        if (missing != 0) {
            return "this host's KVM has no dirty bitmap that begins with all pages set "
                   "(KVM_DIRTY_LOG_INITIALLY_SET)";
        }
    } else if (wanted.kind != DirtyLogKind::none) {
        return "there is no such dirty log";
    }
    return std::nullopt;
}

DirtyLogging enable_dirty_logging(const DirtyLogging& wanted, const kvm::System& system,
                                  kvm::Vm& vm) {
    DirtyLogging obtained = wanted;
    if (wanted.kind == DirtyLogKind::ring) {
        obtained.ring_entries = enable_rings(wanted.ring_entries, system, vm);
    } else if (wanted.kind == DirtyLogKind::bitmap) {
        if (const int error =
                vm.enable_capability(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, bitmap_flags(wanted))) {
            throw_error(ErrorKind::kernel_refused,
                        "KVM refuses a dirty bitmap that is cleared by hand: {}",
                        std::strerror(error));
        }
    }
    return obtained;
}

DirtyLog::DirtyLog(const DirtyLogging& obtained, kvm::Vm& vm, const Vcpus& vcpus,
                   TestMemory& test_memory)
    : vm_(vm), vcpus_(vcpus), test_memory_(test_memory) {
    if (obtained.kind == DirtyLogKind::ring) {
        bitmap_.resize(test_memory.size() / TestMemory::page_bytes / 64);
        for (std::uint32_t cpu = 0; cpu < vcpus.count(); ++cpu) {
            rings_.emplace_back(vcpus[cpu].map_dirty_ring(obtained.ring_entries));
        }
    }
}

void DirtyLog::register_in(ExitTable& exits) {
    if (!has_rings()) {
        return;
    }
    exits.add_reason(KVM_EXIT_DIRTY_RING_FULL, [this](VcpuThread& vcpu) -> Answer {
        const std::lock_guard lock(mutex_);
        ++full_exits_;
        harvest(rings_[vcpu.cpu()]);
        reset();
        return std::nullopt;
    });
}

std::uint64_t DirtyLog::stop() {
    test_memory_.log_writes(false);
    if (!has_rings()) {
        return 0;
    }
    vcpus_.bring_out();
    const std::lock_guard lock(mutex_);
    harvest_all();
    reset();
    std::ranges::fill(bitmap_, 0);
    return std::exchange(full_exits_, 0);
}

void DirtyLog::collect(std::span<std::uint64_t> bitmap) {
    // A processor may gather written pages by itself (Intel's page-modification logging), and KVM
    // puts them into the log when the vCPU leaves the guest. For its bitmap KVM kicks the vCPUs as
    // well, but waits for none to be out. Before the mutex: on its way out a vCPU may wait for it.
    vcpus_.bring_out();
    if (!has_rings()) {
        vm_.get_dirty_log(TestMemory::slot, bitmap);
        return;
    }
    const std::lock_guard lock(mutex_);
    harvest_all();
    std::ranges::copy(bitmap_, bitmap.begin());
}

void DirtyLog::clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) {
    if (!has_rings()) {
        vm_.clear_dirty_log(TestMemory::slot, first_page, bitmap);
        return;
    }
    const std::lock_guard lock(mutex_);
    for (std::size_t n = 0; n < bitmap.size(); ++n) {
        bitmap_[first_page / 64 + n] &= ~bitmap[n];
    }
    reset();
}

void DirtyLog::harvest(DirtyRing& ring) {
    harvested_ += ring.harvest([&](std::uint32_t slot, std::uint64_t page) {
        if (slot == TestMemory::slot && page / 64 < bitmap_.size()) {
            bitmap_[page / 64] |= std::uint64_t{1} << page % 64;
        }
    });
}

void DirtyLog::harvest_all() {
    for (DirtyRing& ring : rings_) {
        harvest(ring);
    }
}

void DirtyLog::reset() {
    if (harvested_ == 0) {
        return;
    }
    // A signal that is pending cuts it short, and that loses pages: Linux since 6.16 frees the
    // entries of neighbouring pages first and write-protects those pages together, and in between
    // it gives up (kvm_dirty_ring_reset). A kick for a vCPU that has just come out by itself, to
    // have room made in its ring, would be such a signal.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    const auto restore = [](sigset_t* mask) { ::pthread_sigmask(SIG_SETMASK, mask, nullptr); };
    const std::unique_ptr<sigset_t, decltype(restore)> guard(&before, restore);
    const std::uint32_t reset = vm_.reset_dirty_rings();
    if (reset != harvested_) {
        throw_error(ErrorKind::kernel_refused,
                    "KVM_RESET_DIRTY_RINGS took {} entries back of {} that were harvested", reset,
                    harvested_);
    }
    harvested_ = 0;
}

}  // namespace nestbed::vmm
