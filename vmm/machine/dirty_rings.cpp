#include "vmm/machine/dirty_rings.hpp"

#include <algorithm>

#include "vmm/error.hpp"

namespace nestbed::vmm {

DirtyRings::DirtyRings(kvm::Vm& vm, std::deque<VcpuThread>& vcpus, std::uint32_t entries,
                       TestMemory& test_memory)
    : DirtyLog(test_memory), vm_(vm), vcpus_(vcpus), bitmap_(test_memory.pages() / 64) {
    for (const VcpuThread& thread : vcpus) {
        rings_.emplace_back(thread.vcpu().map_dirty_ring(entries));
    }
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
    // A processor may gather written pages by itself (Intel's page-modification logging), and KVM
    // puts them into the ring when the vCPU leaves the guest. Before the mutex: on its way out a
    // vCPU may wait for it.
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

void DirtyRings::bring_vcpus_out() {
    for (VcpuThread& thread : vcpus_) {
        thread.bring_out();
    }
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
    // A signal cuts it short, and is handled before the next attempt.
    constexpr int most_attempts = 1000;
    for (int attempt = 0; harvested_ != 0; ++attempt) {
        if (attempt == most_attempts) {
            throw_error(ExitCode::no_kvm, "KVM_RESET_DIRTY_RINGS leaves {} entries as they are",
                        harvested_);
        }
        harvested_ -= std::min<std::uint64_t>(harvested_, vm_.reset_dirty_rings());
    }
}

}  // namespace nestbed::vmm
