// A VM made for one test: memory with the guest loaded, vCPUs at its entry point, and the run.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "shared/channel/boot_info.hpp"
#include "shared/channel/dirty_logging.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/machine/exit_table.hpp"
#include "vmm/machine/vcpus.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/platform/guest_layout.hpp"
#include "vmm/services/dirty_log.hpp"
#include "vmm/services/host_operations.hpp"
#include "vmm/services/measured_calls.hpp"
#include "vmm/services/region_counter.hpp"
#include "vmm/services/test_memory.hpp"

namespace nestbed::vmm {

/// Enough for any guest of ours with 64 vCPUs to start.
inline constexpr std::uint64_t least_guest_memory = 8ULL << 20;
/// Guest memory is one piece from 0; the local APIC and KVM's TSS need the end of the 4 GiB.
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
    /// Count what KVM does over the regions that the guest marks; costs a descriptor per vCPU.
    bool statistics = false;
    /// Have KVM answer the ports and addresses that are there to measure that; costs a thread.
    bool exitless_calls = false;
    /// Say at the end what the guest's memory is made of; costs two descriptors.
    bool memory_report = false;
    TestMemorySettings test_memory;
    channel::DirtyLogging dirty_logging;  ///< of the test memory, if there is any
    Parameters parameters;
};

class Machine {
  public:
    /// The guest asked for its records to be taken.
    using Doorbell = std::function<void(std::uint32_t cpu)>;

    /// Creates the VM with everything in place for `test`. `guest` must outlive it.
    Machine(const kvm::System& system, const Guest& guest, const GuestTest& test,
            const MachineSettings& settings);

    /// Runs until the guest ends it, its time is up or `stop` is requested; then no vCPU runs
    /// any more. Once only. `doorbell` is called on vCPU threads, for different vCPUs side by side.
    Outcome run(Doorbell doorbell, std::chrono::milliseconds timeout, const std::stop_token& stop);

    const MachineSettings& settings() const { return settings_; }
    /// Null if it has none.
    const TestMemory* test_memory() const { return test_memory_.get(); }
    const GuestMemory& memory() const { return memory_; }
    GuestMemory& memory() { return memory_; }
    const SharedPages& shared_pages() const { return shared_; }
    /// The tables that every vCPU started with; their kernel half is every address space's.
    paging::Frame4k boot_root() const { return shared_.boot_root; }
    const Vcpus& vcpus() const { return vcpus_; }
    const kvm::Vcpu& vcpu(std::uint32_t cpu) const { return vcpus_[cpu]; }
    /// For who runs it himself, instead of run().
    kvm::Vcpu& vcpu(std::uint32_t cpu) { return vcpus_[cpu]; }
    std::uint64_t tsc_khz() const { return vcpus_[0].tsc_khz(); }
    /// What the vCPUs' CPUID says about paging.
    const channel::Features& features() const { return vcpus_.features(); }
    /// What KVM did over the regions that the guest marked.
    KvmCounts kvm_counts() const;
    /// What the guest's memory is made of now; not while it runs. Walks this process's page tables.
    /// Nothing if the settings did not ask for it.
    std::optional<MemoryReport> memory_report() const;
    /// Null like that.
    const MemoryMaps* memory_maps() const { return memory_maps_ ? &*memory_maps_ : nullptr; }

  private:
    channel::BootInfo boot_info(const GuestTest& test) const;
    void register_all();

    // Each is made of those before it, and in this order KVM wants it: memory outlives the VM that
    // maps it, and a dirty log is enabled while there are no vCPUs. What is null stays null.
    MachineSettings settings_;
    GuestMemory memory_;
    kvm::Vm vm_;
    std::unique_ptr<TestMemory> test_memory_;
    channel::DirtyLogging dirty_logging_;  ///< as obtained
    Vcpus vcpus_;
    std::unique_ptr<DirtyLog> dirty_log_;
    std::unique_ptr<ExitlessCalls> exitless_calls_;
    RegionCounter region_counter_;
    std::optional<MemoryMaps> memory_maps_;
    std::optional<Descriptor> gauges_;  ///< the VM's, if this KVM shows them
    SharedPages shared_;
    HostOperations host_operations_;
    ExitTable exits_;
};

}  // namespace nestbed::vmm
