#include "vmm/services/dirty_rings.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

/// While it exists, no signal reaches the calling thread.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_;
};

}  // namespace

DirtyRings::DirtyRings(kvm::Vm& vm, const Vcpus& vcpus, TestMemory& test_memory,
                       std::uint32_t entries)
    : DirtyLog(vm, vcpus, test_memory), bitmap_(test_memory.pages() / 64) {
    for (std::uint32_t cpu = 0; cpu < vcpus.count(); ++cpu) {
        rings_.emplace_back(vcpus[cpu].map_dirty_ring(entries));
    }
}

void DirtyRings::register_in(ExitTable& exits) {
    exits.add_reason(KVM_EXIT_DIRTY_RING_FULL, [this](VcpuThread& vcpu) -> Answer {
        make_room(vcpu.cpu());
        return std::nullopt;
    });
}

std::uint64_t DirtyRings::stop() {
    test_memory().log_writes(false);
    bring_vcpus_out();
    const std::lock_guard lock(mutex_);
    harvest_all();
    reset();
    std::ranges::fill(bitmap_, 0);
    return std::exchange(full_exits_, 0);
}

void DirtyRings::collect(std::span<std::uint64_t> bitmap) {
    // Before the mutex: on its way out a vCPU may wait for it.
    bring_vcpus_out();
    const std::lock_guard lock(mutex_);
    harvest_all();
    std::ranges::copy(bitmap_, bitmap.begin());
}

void DirtyRings::clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) {
    const std::lock_guard lock(mutex_);
    for (std::size_t n = 0; n < bitmap.size(); ++n) {
        bitmap_[first_page / 64 + n] &= ~bitmap[n];
    }
    reset();
}

void DirtyRings::make_room(std::uint32_t cpu) {
    const std::lock_guard lock(mutex_);
    ++full_exits_;
    harvest(rings_[cpu]);
    reset();
}

void DirtyRings::harvest(DirtyRing& ring) {
    harvested_ += ring.harvest([&](std::uint32_t slot, std::uint64_t page) {
        if (slot == test_memory().slot() && page / 64 < bitmap_.size()) {
            bitmap_[page / 64] |= std::uint64_t{1} << page % 64;
        }
    });
}

void DirtyRings::harvest_all() {
    for (DirtyRing& ring : rings_) {
        harvest(ring);
    }
}

void DirtyRings::reset() {
    if (harvested_ == 0) {
        return;
    }
    // A signal that is pending cuts it short, and that loses pages: Linux since 6.16 frees the
    // entries of neighbouring pages first and write-protects those pages together, and in between
    // it gives up (kvm_dirty_ring_reset). A kick for a vCPU that has just come out by itself, to
    // have room made in its ring, would be such a signal.
    const SignalsBlocked guard;
    const std::uint32_t reset = vm().reset_dirty_rings();
    if (reset != harvested_) {
        throw_error(ErrorKind::kernel_refused,
                    "KVM_RESET_DIRTY_RINGS took {} entries back of {} that were harvested", reset,
                    harvested_);
    }
    harvested_ = 0;
}

}  // namespace nestbed::vmm
