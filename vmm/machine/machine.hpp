// A VM made for one test: memory with the guest loaded, vCPUs at its entry point, and the run.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "shared/channel/boot_info.hpp"
#include "shared/channel/dirty_logging.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/machine/outcome.hpp"
#include "vmm/machine/placement.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/backing_report.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/services/dirty_log.hpp"
#include "vmm/services/dirty_rings.hpp"
#include "vmm/services/exitless_calls.hpp"
#include "vmm/services/host_operations.hpp"
#include "vmm/services/stretch_counter.hpp"
#include "vmm/services/test_memory.hpp"

namespace nestbed::vmm {

/// Enough for any guest of ours with 64 vCPUs to start.
inline constexpr std::uint64_t least_guest_memory = 8ULL << 20;
/// Guest memory is one piece from address 0; the local APIC and KVM's TSS need the end of the 4
/// GiB.
inline constexpr std::uint64_t most_guest_memory = 3ULL << 30;
/// Guest memory comes in pieces of this size: the direct map is made of 2 MiB leaves.
inline constexpr std::uint64_t guest_memory_granule = 2ULL << 20;

struct MachineSettings {
    std::uint32_t cpus = 1;
    /// Bytes, a multiple of guest_memory_granule. The guest has more where `backing` comes in
    /// larger pages (GuestMemory::size).
    std::uint64_t memory = 0;
    BackingSettings backing{};
    std::uint32_t ring_records = channel::default_ring_records;
    Placement placement = Placement::free;
    /// Count what KVM does over the stretches that the guest marks; costs a descriptor per vCPU.
    bool statistics = false;
    /// Have KVM answer the ports and addresses that are there to measure that; costs a thread.
    bool exitless_calls = false;
    TestMemorySettings test_memory;
    channel::DirtyLogging dirty_logging;  ///< of the test memory, if there is any
    std::vector<std::pair<std::string, std::uint64_t>> parameters;
};

/// Where the VMM put what it shares with the guest, as guest physical addresses.
struct SharedPages {
    std::uint64_t boot_info;
    std::vector<std::uint64_t> rings;
    std::vector<std::uint64_t> panic_reports;
    std::uint64_t host_operation;
};

class Machine {
  public:
    /// Creates the VM with everything in place for `test`. `guest` must outlive it.
    Machine(const kvm::System& system, const Guest& guest, const GuestTest& test,
            const MachineSettings& settings);

    /// Runs until the guest ends it, the deadline passes or `stop` is requested; then no vCPU runs
    /// any more. Once only. `doorbell` is called on vCPU threads, for different vCPUs side by side.
    Outcome run(const VcpuThread::Doorbell& doorbell, std::chrono::milliseconds timeout,
                const std::stop_token& stop);

    const MachineSettings& settings() const { return settings_; }
    /// Null if it has none.
    const TestMemory* test_memory() const { return test_memory_ ? &*test_memory_ : nullptr; }
    const GuestMemory& memory() const { return memory_; }
    GuestMemory& memory() { return memory_; }
    const SharedPages& shared_pages() const { return shared_; }
    /// The tables that every vCPU started with; their kernel half is every address space's.
    paging::Frame4k boot_root() const { return boot_root_; }
    const kvm::Vcpu& vcpu(std::uint32_t cpu) const { return vcpus_[cpu].vcpu(); }
    /// For who runs it himself, instead of run().
    kvm::Vcpu& vcpu(std::uint32_t cpu) { return vcpus_[cpu].vcpu(); }
    std::uint64_t tsc_khz() const { return tsc_khz_; }
    /// What the vCPUs' CPUID says about paging.
    const channel::Features& features() const { return features_; }
    /// What KVM did over the stretches that the guest marked.
    KvmCounts kvm_counts() const;
    /// What the guest's memory is made of now; not while it runs. Costs a walk of this process's
    /// page tables.
    MemoryReport memory_report(const kvm::System& system) const;

  private:
    void load(const ElfImage& image);
    void lay_out(const Guest& guest, const GuestTest& test);
    std::vector<kvm::Statistics> statistics(const kvm::System& system) const;
    void make_dirty_log();
    void end(Outcome outcome);

    MachineSettings settings_;
    GuestMemory memory_;  // outlives the VM that maps it: declared before
    kvm::Vm vm_;
    std::optional<TestMemory> test_memory_;
    // Used by the vCPU threads: declared before them, to be destroyed after them.
    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::optional<Outcome> outcome_;  // guarded by mutex_
    std::optional<ExitlessCalls> exitless_calls_;
    std::optional<StretchCounter> stretches_;        // made once, when there are vCPUs
    std::unique_ptr<DirtyLog> dirty_log_;            // made once, when there are vCPUs
    DirtyRings* dirty_rings_ = nullptr;              // the same, if it is made of rings
    std::optional<HostOperations> host_operations_;  // made once, when memory is laid out

    std::deque<VcpuThread> vcpus_;  // a deque, since threads hold on to their elements
    std::uint64_t tsc_khz_ = 0;
    channel::Features features_{};
    SharedPages shared_{};
    paging::Frame4k boot_root_ = paging::Frame4k::at<0>();
};

}  // namespace nestbed::vmm
