#include "vmm/platform/machine.hpp"

#include "shared/channel/layout.hpp"
#include "shared/channel/ports.hpp"
#include "vmm/base/error.hpp"
#include "vmm/machine/long_mode.hpp"

namespace nestbed::vmm {

namespace {

/// Below 4 GiB and above any guest memory.
constexpr std::uint64_t tss_address = 0xFFFB'D000;

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

kvm::Vm make_vm(const kvm::System& system, const GuestMemory& memory) {
    kvm::Vm vm = system.create_vm();
    vm.set_tss_address(tss_address);
    vm.create_irqchip();
    vm.set_memory_slot(0, 0, memory.size(), memory.host().address());
    return vm;
}

std::vector<kvm::Statistics> counters_of(const kvm::System& system, const kvm::Vm& vm,
                                         const Vcpus& vcpus, bool wanted) {
    std::vector<kvm::Statistics> counters;
    if (wanted && system.extension(KVM_CAP_BINARY_STATS_FD) > 0) {
        // Before the vCPUs run: their ioctls would wait for the end of KVM_RUN.
        counters.push_back(vm.statistics());
        for (std::uint32_t cpu = 0; cpu < vcpus.count(); ++cpu) {
            counters.push_back(vcpus[cpu].statistics());
        }
    }
    return counters;
}

}  // namespace

Machine::Machine(const kvm::System& system, const Guest& guest, const GuestTest& test,
                 const MachineSettings& settings)
    : settings_(settings),
      memory_(map_backing(settings.backing, checked_memory_size(settings))),
      vm_(make_vm(system, memory_)),
      test_memory_(
          settings.test_memory.bytes == 0
              ? nullptr
              : std::make_unique<TestMemory>(vm_, settings.test_memory.bytes, settings.backing)),
      dirty_logging_(test_memory_ ? enable_dirty_logging(settings.dirty_logging, system, vm_)
                                  : channel::DirtyLogging{}),
      vcpus_(system, vm_, settings.cpus),
      dirty_log_(dirty_logging_.kind == channel::DirtyLogKind::none
                     ? nullptr
                     : std::make_unique<DirtyLog>(dirty_logging_, vm_, vcpus_, *test_memory_)),
      exitless_calls_(settings.exitless_calls
                          ? std::make_unique<ExitlessCalls>(system, vm_, vcpus_[0])
                          : nullptr),
      region_counter_(counters_of(system, vm_, vcpus_, settings.statistics)),
      shared_(lay_out(memory_, guest.image(), boot_info(test), settings.test_memory,
                      settings.ring_records)),
      host_operations_(memory_, shared_.host_operation,
                       std::uint64_t{1} << features().max_physical_bits, test_memory_.get(),
                       dirty_log_.get()) {
    if (settings.memory_report) {
        memory_maps_.emplace();
        if (system.extension(KVM_CAP_BINARY_STATS_FD) > 0) {
            gauges_.emplace(vm_.statistics_file());
        }
    }
    register_all();
    for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
        set_start_state(vcpus_[cpu], {.cpu = cpu,
                                      .entry = guest.image().entry(),
                                      .root = boot_root().address().raw(),
                                      .boot_info = in_direct_map<void>(shared_.boot_info).address});
    }
}

channel::BootInfo Machine::boot_info(const GuestTest& test) const {
    channel::BootInfo boot{};
    boot.cpu_count = settings_.cpus;
    boot.tsc_khz = tsc_khz();
    boot.test = {test.descriptor};
    boot.features = features();
    if (test_memory_) {
        boot.test_memory = {.physical = channel::test_memory_physical,
                            .bytes = settings_.test_memory.bytes,
                            .tables = 0,
                            .leaf_bytes = paging::bytes_of(settings_.test_memory.leaf),
                            .host_page_bytes = page_bytes(settings_.backing.kind)};
        boot.dirty_logging = dirty_logging_;
    }
    add_parameters(boot, settings_.parameters);
    if (exitless_calls_) {
        add_parameters(boot, exitless_calls_->offered());
    }
    return boot;
}

void Machine::register_all() {
    namespace port = channel::port;
    exits_.add_port(port::finish, on_call([](const Access& access, std::uint32_t) {
                        return access.end(Ending::finished);
                    }));
    exits_.add_port(port::panic, on_call([](const Access& access, std::uint32_t) {
                        return access.end(Ending::panicked);
                    }));
    register_null_calls(exits_);
    region_counter_.register_in(exits_);
    host_operations_.register_in(exits_);
    if (exitless_calls_) {
        exitless_calls_->register_in(exits_);
    }
    if (test_memory_) {
        test_memory_->register_in(exits_);
    }
    if (dirty_log_) {
        dirty_log_->register_in(exits_);
    }
}

Outcome Machine::run(Doorbell doorbell, std::chrono::milliseconds timeout,
                     const std::stop_token& stop) {
    exits_.add_port(channel::port::doorbell,
                    on_call([ring = std::move(doorbell)](const Access& access, std::uint32_t) {
                        ring(access.vcpu.cpu());
                        return Answer();
                    }));
    if (exitless_calls_) {
        exitless_calls_->start();
    }
    return vcpus_.run(exits_, settings_.placement, timeout, stop);
}

KvmCounts Machine::kvm_counts() const {
    KvmCounts counts = region_counter_.counts();
    if (settings_.statistics && !region_counter_.has_counters()) {
        counts.problem = "this host's KVM does not show its counters (KVM_CAP_BINARY_STATS_FD)";
    }
    return counts;
}

std::optional<MemoryReport> Machine::memory_report() const {
    if (!memory_maps_) {
        return std::nullopt;
    }
    MemoryReport report{report_backing(memory_.host(), *memory_maps_), {}, {}};
    if (test_memory_) {
        report.test_memory = report_backing(test_memory_->memory(), *memory_maps_);
    }
    if (gauges_) {
        report.kvm_pages = kvm_pages_in(kvm::read_statistics(KVM_STATS_TYPE_INSTANT, *gauges_));
    }
    return report;
}

}  // namespace nestbed::vmm
