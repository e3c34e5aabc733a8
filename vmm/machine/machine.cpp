#include "vmm/machine/machine.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "shared/channel/abi.hpp"
#include "shared/channel/layout.hpp"
#include "vmm/base/error.hpp"
#include "vmm/machine/boot_tables.hpp"
#include "vmm/machine/frame_cursor.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/machine/long_mode.hpp"
#include "vmm/services/dirty_bitmap.hpp"

namespace nestbed::vmm {

namespace {

/// Below 4 GiB and above any guest memory.
constexpr std::uint64_t tss_address = 0xFFFB'D000;

template <typename T>
channel::Pointer<T> in_direct_map(std::uint64_t physical) {
    return {channel::layout::direct_map + physical};
}

// Also if it is rounded up to the largest pages.
static_assert(most_guest_memory % (1ULL << 30) == 0);

std::uint64_t checked_memory_size(const MachineSettings& settings) {
    const std::uint64_t size = settings.memory;
    if (size == 0 || size % guest_memory_granule != 0 || size > most_guest_memory) {
        throw_error(ErrorKind::usage,
                    "{} bytes of guest memory: it must be a multiple of {} MiB, up to {} MiB", size,
                    guest_memory_granule >> 20, most_guest_memory >> 20);
    }
    // The remedy is to name all that it takes.
    refuse_too_few_huge_pages(settings.backing.kind, {size, settings.test_memory.bytes});
    return size;
}

/// However its scope is left, no vCPU runs any more.
class StopAtExit {
  public:
    explicit StopAtExit(std::deque<VcpuThread>& threads) : threads_(threads) {}
    ~StopAtExit() {
        for (VcpuThread& thread : threads_) {
            thread.stop();
        }
        for (VcpuThread& thread : threads_) {
            thread.join();
        }
    }
    StopAtExit(const StopAtExit&) = delete;
    StopAtExit& operator=(const StopAtExit&) = delete;

  private:
    std::deque<VcpuThread>& threads_;
};

}  // namespace

Machine::Machine(const kvm::System& system, const Guest& guest, const GuestTest& test,
                 const MachineSettings& settings)
    : settings_(settings),
      memory_(map_backing(settings.backing, checked_memory_size(settings))),
      vm_(system.create_vm()) {
    vm_.set_tss_address(tss_address);
    vm_.create_irqchip();
    vm_.set_memory_slot(0, 0, memory_.size(), memory_.host_address());
    if (settings_.test_memory.bytes != 0) {
        test_memory_.emplace(vm_, 1, settings_.test_memory.bytes, settings_.backing);
        // KVM wants to know before the first vCPU is made.
        settings_.dirty_logging = enable_dirty_logging(settings_.dirty_logging, system, vm_);
    }
    load(guest.image());

    const auto supported = system.supported_cpuid();
    const std::size_t mapping_size = system.vcpu_mapping_size();
    for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
        VcpuThread& thread = vcpus_.emplace_back(cpu, vm_.create_vcpu(cpu, mapping_size));
        thread.vcpu().set_cpuid(cpuid_of(supported, cpu, settings_.cpus));
    }
    if (settings_.exitless_calls) {
        exitless_calls_.emplace(system, vm_, vcpu(0));
        std::ranges::copy(exitless_calls_->offered(), std::back_inserter(settings_.parameters));
    }
    make_dirty_log();
    stretches_.emplace(statistics(system));
    tsc_khz_ = vcpu(0).tsc_khz();
    features_ = features_of(supported);

    lay_out(guest, test);
    for (VcpuThread& thread : vcpus_) {
        set_start_state(thread.vcpu(),
                        {.cpu = thread.cpu(),
                         .entry = guest.image().entry(),
                         .root = boot_root_.address().raw(),
                         .boot_info = in_direct_map<void>(shared_.boot_info).address});
    }
}

void Machine::load(const ElfImage& image) {
    for (const Segment& segment : image.segments()) {
        std::byte* destination = memory_.at(segment.physical_address, segment.memory_size);
        if (destination == nullptr) {
            throw_error(
                ErrorKind::usage,
                "{}: the segment at {:#x} (physical {:#x}, {} bytes) is outside the {} MiB of "
                "guest memory: give it more with --memory",
                image.name(), segment.virtual_address, segment.physical_address,
                segment.memory_size, memory_.size() >> 20);
        }
        std::ranges::copy(segment.contents, destination);
    }
}

void Machine::make_dirty_log() {
    const channel::DirtyLogging& logging = settings_.dirty_logging;
    if (!test_memory_ || logging.kind == channel::DirtyLogKind::none) {
        return;
    }
    if (logging.kind == channel::DirtyLogKind::bitmap) {
        dirty_log_ = std::make_unique<DirtyBitmap>(*test_memory_, vcpus_);
        return;
    }
    auto rings = std::make_unique<DirtyRings>(vm_, vcpus_, logging.ring_entries, *test_memory_);
    dirty_rings_ = rings.get();
    dirty_log_ = std::move(rings);
}

void Machine::lay_out(const Guest& guest, const GuestTest& test) {
    FrameCursor frames(memory_, guest.image().physical_end());
    const BootTables tables = build_boot_tables(
        memory_, frames, guest.image(),
        {.bytes = settings_.test_memory.bytes, .leaf = settings_.test_memory.leaf});
    boot_root_ = tables.root;

    shared_.boot_info = frames.allocate(sizeof(channel::BootInfo));
    shared_.host_operation = frames.allocate(sizeof(channel::HostOperation));
    host_operations_.emplace(memory_, shared_.host_operation,
                             std::uint64_t{1} << features_.max_physical_bits,
                             test_memory_ ? &*test_memory_ : nullptr, dirty_log_.get());
    const std::uint64_t reports = frames.allocate(settings_.cpus * sizeof(channel::PanicReport));
    const std::uint64_t ring_bytes = channel::ring_bytes(settings_.ring_records);

    channel::BootInfo boot{};
    boot.magic = channel::boot_magic;
    boot.abi_version = channel::abi_version;
    boot.size = sizeof boot;
    boot.cpu_count = settings_.cpus;
    boot.tsc_khz = tsc_khz_;
    boot.test = {test.descriptor};
    boot.user_tables = tables.user_entry;
    boot.features = features_;
    boot.host_operation = in_direct_map<channel::HostOperation>(shared_.host_operation);
    if (test_memory_) {
        boot.test_memory = {.physical = channel::test_memory_physical,
                            .bytes = settings_.test_memory.bytes,
                            .tables = tables.test_memory_entry,
                            .leaf_bytes = paging::bytes_of(settings_.test_memory.leaf),
                            .host_page_bytes = page_bytes(settings_.backing.kind)};
        boot.dirty_logging = settings_.dirty_logging;
    }
    for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
        shared_.panic_reports.push_back(reports + cpu * sizeof(channel::PanicReport));
        shared_.rings.push_back(frames.allocate(ring_bytes));
        const channel::RingHeader header{0, 0, settings_.ring_records};
        static_cast<void>(memory_.write(shared_.rings[cpu], header));
        boot.cpus[cpu] = {in_direct_map<channel::RingHeader>(shared_.rings[cpu]),
                          in_direct_map<channel::PanicReport>(shared_.panic_reports[cpu])};
    }
    for (const auto& [name, value] : settings_.parameters) {
        if (boot.parameter_count == channel::max_boot_parameters ||
            name.size() >= sizeof boot.parameters[0].name) {
            throw_error(ErrorKind::usage,
                        "parameter {}: at most {} parameters with names of up to {} characters",
                        name, channel::max_boot_parameters, sizeof boot.parameters[0].name - 1);
        }
        channel::BootParameter& parameter = boot.parameters[boot.parameter_count++];
        std::memcpy(parameter.name, name.data(), name.size());
        parameter.value = value;
    }
    boot.free_memory = frames.next();
    boot.free_memory_end = memory_.size();
    static_cast<void>(memory_.write(shared_.boot_info, boot));
}

std::vector<kvm::Statistics> Machine::statistics(const kvm::System& system) const {
    std::vector<kvm::Statistics> sources;
    if (settings_.statistics && system.extension(KVM_CAP_BINARY_STATS_FD) > 0) {
        // Before the vCPUs run: their ioctls would wait for the end of KVM_RUN.
        sources.push_back(vm_.statistics());
        for (const VcpuThread& thread : vcpus_) {
            sources.push_back(thread.vcpu().statistics());
        }
    }
    return sources;
}

KvmCounts Machine::kvm_counts() const {
    KvmCounts counts = stretches_->counts();
    if (settings_.statistics && !stretches_->has_counters()) {
        counts.problem = "this host's KVM does not show its counters (KVM_CAP_BINARY_STATS_FD)";
    }
    return counts;
}

MemoryReport Machine::memory_report(const kvm::System& system) const {
    MemoryReport report{report_backing(memory_.host()), {}, {}};
    if (test_memory_) {
        report.test_memory = report_backing(test_memory_->memory());
    }
    if (system.extension(KVM_CAP_BINARY_STATS_FD) > 0) {
        report.kvm_pages = kvm_pages_in(vm_.gauges());
    }
    return report;
}

void Machine::end(Outcome outcome) {
    const std::lock_guard lock(mutex_);
    if (!outcome_) {
        outcome_ = std::move(outcome);
    }
    ended_.notify_all();
}

Outcome Machine::run(const VcpuThread::Doorbell& doorbell, std::chrono::milliseconds timeout,
                     const std::stop_token& stop) {
    // Also when a thread cannot be started: what the others use must not go away under them.
    const StopAtExit guard(vcpus_);
    const VcpuThread::Calls calls{
        .doorbell = doorbell,
        .operate = [this] { return host_operations_->carry_out(); },
        .mark = [this](std::uint32_t value) { return stretches_->mark(value); },
        .exitless = exitless_calls_ ? &*exitless_calls_ : nullptr,
        .test_memory = test_memory_ ? &*test_memory_ : nullptr,
        .make_room = [this](std::uint32_t cpu) { dirty_rings_->make_room(cpu); },
        .ended = [this](Outcome outcome) { end(std::move(outcome)); },
    };
    const std::vector<std::uint32_t> host_cpus = usable_host_cpus();
    for (VcpuThread& thread : vcpus_) {
        thread.start(calls, host_cpu_of(settings_.placement, thread.cpu(), host_cpus));
    }
    {
        std::unique_lock lock(mutex_);
        const bool ended =
            ended_.wait_for(lock, stop, timeout, [&] { return outcome_.has_value(); });
        if (!ended) {
            outcome_ = stop.stop_requested()
                           ? Outcome{Ending::interrupted, 0, "interrupted"}
                           : Outcome{Ending::timed_out, 0,
                                     fmt::format("no end after {:.1f} s (--timeout)",
                                                 std::chrono::duration<double>(timeout).count())};
        }
    }
    return *outcome_;
}

}  // namespace nestbed::vmm
