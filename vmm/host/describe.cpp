#include "vmm/host/describe.hpp"

#include <cpuid.h>
#include <sys/utsname.h>

#include <array>
#include <cstring>

#include "vmm/base/cpuid.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/host_memory.hpp"
#include "vmm/base/kernel_file.hpp"
#include "vmm/host/cpuinfo.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/machine/long_mode.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

fs::path modules(const fs::path& root) { return root / "sys/module"; }

bool has_word(const std::string& text, const std::string& word) {
    return (" " + text + " ").find(" " + word + " ") != std::string::npos;
}

/// A kernel that tells of its modules has some, if only those that are built in.
std::optional<std::string> find_kvm_module(const fs::path& root) {
    for (const char* name : {"kvm_intel", "kvm_amd", "kvm_pvm"}) {
        if (is_there(modules(root) / name)) {
            return name;
        }
    }
    return entries_of(modules(root)).empty() ? std::nullopt : std::optional<std::string>("");
}

/// The parameters that bear on paging or on timings, of all modules of KVM.
std::vector<std::pair<std::string, std::optional<std::string>>> find_parameters(
    const fs::path& root) {
    static const std::string telling =
        "ept eptad npt tdp_mmu vpid nested enable_apicv avic halt_poll_ns nx_huge_pages "
        "preemption_timer eager_page_split flush_on_reuse unrestricted_guest pvm_native "
        "pvm_emul_batch";
    std::vector<std::pair<std::string, std::optional<std::string>>> result;
    for (const fs::path& module : entries_of(modules(root))) {
        const std::string name = module.filename();
        if (!name.starts_with("kvm")) {
            continue;
        }
        for (const fs::path& file : entries_of(module / "parameters")) {
            if (has_word(telling, file.filename())) {
                result.emplace_back(name + "." + file.filename().string(), first_line(file));
            }
        }
    }
    return result;
}

std::optional<std::string> find_paging(const fs::path& root, const std::string& module) {
    if (module != "kvm_intel" && module != "kvm_amd") {
        return module == "kvm_pvm" ? std::optional<std::string>("pvm") : std::nullopt;
    }
    const std::string in_hardware = module == "kvm_intel" ? "ept" : "npt";
    const auto on = flag_in(modules(root) / module / "parameters" / in_hardware);
    return on ? std::optional(*on ? in_hardware : "shadow") : std::nullopt;
}

/// The vendor string of the hypervisor below, if CPUID says that there is one.
std::optional<std::string> find_hypervisor() {
    constexpr unsigned hypervisor_leaf = 0x4000'0000;
    std::array<unsigned, 4> registers{};
    auto& [eax, ebx, ecx, edx] = registers;
    if (!is_below_hypervisor()) {
        return std::nullopt;
    }
    __cpuid(hypervisor_leaf, eax, ebx, ecx, edx);
    std::array<char, 3 * sizeof ebx + 1> vendor{};
    std::memcpy(vendor.data(), &registers[1], vendor.size() - 1);
    return vendor.data();
}

/// Of the first processor.
std::optional<std::string> cpuinfo_value(const fs::path& root, const char* field) {
    const std::vector<std::string> values = cpuinfo_values(root, field);
    return values.empty() ? std::nullopt : std::optional(values.front());
}

TscDescription find_tsc(const fs::path& root) {
    const std::string flags = cpuinfo_value(root, "flags").value_or("");
    // A 64-bit program's processor has long mode: flags without it are none.
    const bool told = has_word(flags, "lm");
    const auto has = [&](const char* flag) {
        return told ? std::optional(has_word(flags, flag)) : std::nullopt;
    };
    return {.constant = has("constant_tsc"),
            .nonstop = has("nonstop_tsc"),
            .known_frequency = has("tsc_known_freq"),
            .clocksource = first_line(
                root / "sys/devices/system/clocksource/clocksource0/current_clocksource")};
}

std::optional<std::string> kernel_release() {
    utsname names{};
    return ::uname(&names) == 0 ? std::optional<std::string>(names.release) : std::nullopt;
}

std::optional<std::uint32_t> count_cores() {
    const auto cores = allowed_host_cpus();
    return cores ? std::optional(static_cast<std::uint32_t>(cores->size())) : std::nullopt;
}

std::optional<std::uint64_t> guest_tsc_khz(const kvm::System& system) {
    try {
        kvm::Vm vm = system.create_vm();
        const std::uint64_t khz = vm.create_vcpu(0, system.vcpu_mapping_size()).tsc_khz();
        return khz == 0 ? std::nullopt : std::optional(khz);
    } catch (const Error&) {
        return std::nullopt;  // a KVM that makes no VM: the calibration says so, with the reason
    }
}

KvmDescription describe_kvm(const kvm::System& system) {
    return {.api_version = KVM_API_VERSION,  // a System has checked it
            .recommended_cpus = system.extension(KVM_CAP_NR_VCPUS),
            .max_cpus = system.extension(KVM_CAP_MAX_VCPUS),
            .tsc_khz = guest_tsc_khz(system),
            .features = features_of(system.supported_cpuid())};
}

}  // namespace

HostDescription describe_host(const kvm::System* system, const fs::path& root) {
    HostDescription host;
    host.cpu = cpuinfo_value(root, "model name");
    host.kernel = kernel_release();
    host.kvm_module = find_kvm_module(root);
    host.parameters = find_parameters(root);
    host.paging = find_paging(root, host.kvm_module.value_or(""));
    const auto hypervisor = find_hypervisor();
    host.hypervisor = hypervisor && hypervisor->empty() ? std::nullopt : hypervisor;
    host.emulated = this_emulated_machine();
    host.nested = hypervisor || host.emulated;
    host.cores = count_cores();
    host.memory = host_memory();
    host.huge_pages = huge_page_pools(root);
    host.transparent_huge_pages = transparent_huge_pages(root);
    host.tsc = find_tsc(root);
    if (system != nullptr) {
        host.kvm = describe_kvm(*system);
    }
    return host;
}

}  // namespace nestbed::vmm
