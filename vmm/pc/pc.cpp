#include "vmm/pc/pc.hpp"

#include <cstring>
#include <utility>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/pc/boot_information.hpp"
#include "vmm/pc/cpu_model.hpp"
#include "vmm/pc/hyperv_leaves.hpp"
#include "vmm/pc/start_state.hpp"

namespace nestbed::vmm {

namespace {

/// Below 4 GiB, above memory and the test device's.
constexpr std::uint64_t tss_address = 0xFFFB'D000;
/// What is above it is for devices, up to 4 GiB.
constexpr std::uint64_t most_below = 3ULL << 30;

std::uint64_t checked_memory_size(const PcSettings& settings) {
    if (settings.memory < least_pc_memory || settings.memory > most_pc_memory) {
        throw_error(ErrorKind::usage, "{} MiB of memory: a PC can have {} to {} MiB",
                    settings.memory >> 20, least_pc_memory >> 20, most_pc_memory >> 20);
    }
    return settings.memory;
}

constexpr std::uint32_t io_apic_pins = 24;

/// The line that a SINT of a vCPU is, behind those of the I/O APIC.
std::uint32_t line_of_sint(std::uint32_t cpu, std::uint32_t sint) {
    return io_apic_pins + cpu * Hyperv::sints + sint;
}

/// All that there can be, so that none is to be made while the guest runs.
void add_sint_routes(std::vector<kvm_irq_routing_entry>& routes, std::uint32_t cpus) {
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        for (std::uint32_t sint = 0; sint < Hyperv::sints; ++sint) {
            kvm_irq_routing_entry route{};
            route.gsi = line_of_sint(cpu, sint);
            route.type = KVM_IRQ_ROUTING_HV_SINT;
            route.u.hv_sint = {cpu, sint};
            routes.push_back(route);
        }
    }
}

/// As a PC's lines go: the first 16 to both kinds of controllers, and line 0, the timer's, to pin 2
/// of the I/O APIC, where the PICs have their cascade.
std::vector<kvm_irq_routing_entry> interrupt_routes() {
    constexpr std::uint32_t pic_pins = 8;
    constexpr std::uint32_t pic_lines = 2 * pic_pins;
    constexpr std::uint32_t cascade = 2;
    std::vector<kvm_irq_routing_entry> routes;
    const auto add = [&](std::uint32_t line, std::uint32_t chip, std::uint32_t pin) {
        kvm_irq_routing_entry route{};
        route.gsi = line;
        route.type = KVM_IRQ_ROUTING_IRQCHIP;
        route.u.irqchip = {chip, pin};
        routes.push_back(route);
    };
    for (std::uint32_t line = 0; line < io_apic_pins; ++line) {
        if (line < pic_lines && line != cascade) {
            add(line, line < pic_pins ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                line % pic_pins);
        }
        if (line != cascade) {
            add(line, KVM_IRQCHIP_IOAPIC, line == 0 ? cascade : line);
        }
    }
    return routes;
}

/// HLT, PAUSE and MWAIT do not leave the guest, as far as this KVM can have it so.
void let_guest_idle(const kvm::System& system, kvm::Vm& vm) {
    const int possible = system.extension(KVM_CAP_X86_DISABLE_EXITS);
    if (possible > 0) {
        // What is refused all the same is left as it is: the guest only gets slower.
        static_cast<void>(
            vm.enable_capability(KVM_CAP_X86_DISABLE_EXITS, static_cast<std::uint64_t>(possible)));
    }
}

/// Without them, such a guest finds none and skips what it is there for.
bool has_synics(const kvm::System& system, const PcSettings& settings) {
    return settings.cpu.hyperv && system.extension(KVM_CAP_HYPERV_SYNIC2) > 0;
}

kvm::Vm make_vm(const kvm::System& system, const GuestMemory& memory, const PcSettings& settings) {
    kvm::Vm vm = system.create_vm();
    vm.set_tss_address(tss_address);
    vm.create_irqchip();
    std::vector<kvm_irq_routing_entry> routes = interrupt_routes();
    if (has_synics(system, settings)) {
        add_sint_routes(routes, settings.cpus);
    }
    vm.set_interrupt_routes(routes);
    if (settings.pit) {
        vm.create_pit(settings.pit_reinjects);
    }
    if (settings.cpu_power_management) {
        let_guest_idle(system, vm);
    }
    auto* const host = static_cast<std::byte*>(memory.host().address());
    vm.set_memory_slot(0, 0, memory.size_below(), host);
    if (memory.size_above() != 0) {
        vm.set_memory_slot(1, high_memory, memory.size_above(), host + memory.size_below());
    }
    return vm;
}

Vcpus make_vcpus(const kvm::System& system, kvm::Vm& vm, const PcSettings& settings) {
    const kvm::CpuidList supported = system.supported_cpuid();
    std::optional<kvm::CpuidList> hyperv;
    if (settings.cpu.hyperv) {
        hyperv = system.supported_hyperv_cpuid();
    }
    if (hyperv) {
        limit_hyperv_leaves(*hyperv);
    }
    return {system, vm, settings.cpus, [&](std::uint32_t cpu) {
                return cpuid_of(settings.cpu, supported, cpu, settings.cpus,
                                hyperv ? &*hyperv : nullptr);
            }};
}

/// Each vCPU gets its synthetic interrupt controller.
void add_synics(Vcpus& vcpus) {
    for (std::uint32_t cpu = 0; cpu < vcpus.count(); ++cpu) {
        vcpus[cpu].enable_capability(KVM_CAP_HYPERV_SYNIC2);
    }
}

/// Where nothing is, a bus reads as ones, and what is written is lost.
Answer answer_nothing_there(const Access& access) {
    if (!access.is_write) {
        std::memset(access.data.data(), 0xFF, access.data.size());
    }
    return std::nullopt;
}

}  // namespace

Pc::Pc(const kvm::System& system, const MultibootImage& image, const PcSettings& settings,
       const BackingSettings& backing, SerialPort::Sink serial)
    : memory_(map_backing(backing, checked_memory_size(settings)), most_below),
      vm_(make_vm(system, memory_, settings)),
      vcpus_(make_vcpus(system, vm_, settings)),
      serial_(std::move(serial)),
      firmware_configuration_(settings),
      power_management_(memory_, clock_, settings.cpus),
      test_device_(std::make_unique<TestDevice>(vm_, memory_)) {
    if (has_synics(system, settings)) {
        add_synics(vcpus_);
        hyperv_ = std::make_unique<Hyperv>(
            memory_, settings.cpus, [this](std::uint32_t cpu, std::uint32_t sint) {
                vm_.set_interrupt_line(line_of_sint(cpu, sint), true);
            });
    }
    if (hyperv_ && settings.hyperv_test_device) {
        hyperv_test_device_ = std::make_unique<HypervTestDevice>(*hyperv_, settings.cpus);
        // Where KVM cannot, a message that had to wait is never delivered.
        static_cast<void>(vm_.leave_msr_writes(Hyperv::end_of_message));
    }
    register_all();
    // The others wait for INIT and SIPI, as KVM makes them.
    set_multiboot_state(vcpus_[0], image.entry(), load_multiboot(memory_, image, settings));
}

void Pc::register_all() {
    serial_.register_in(exits_);
    debug_exit_.register_in(exits_);
    firmware_configuration_.register_in(exits_);
    clock_.register_in(exits_);
    power_management_.register_in(exits_);
    test_device_->register_in(exits_);
    if (hyperv_) {
        hyperv_->register_in(exits_);
    }
    if (hyperv_test_device_) {
        hyperv_test_device_->register_in(exits_);
    }
    exits_.add_rest(answer_nothing_there);
}

Outcome Pc::run(Placement placement, std::chrono::milliseconds timeout,
                const std::stop_token& stop) {
    Outcome outcome = vcpus_.run(exits_, placement, timeout, stop);
    serial_.flush();
    return outcome;
}

}  // namespace nestbed::vmm
