#include "vmm/host/describe.hpp"

#include <cpuid.h>
#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include "vmm/base/error.hpp"
#include "vmm/diagnose/disassembly.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/machine/long_mode.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// The first line of a small file; empty if there is none.
std::string first_line(const fs::path& path) {
    std::ifstream stream(path);
    std::string line;
    std::getline(stream, line);
    return line;
}

/// Those that match a shell pattern, in order.
std::vector<fs::path> files_matching(const char* pattern) {
    glob_t found{};
    ::glob(pattern, 0, nullptr, &found);
    const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&found, ::globfree);
    return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

/// The value of a field of the first processor in /proc/cpuinfo.
std::string cpuinfo_field(std::string_view field) {
    std::ifstream stream("/proc/cpuinfo");
    for (std::string line; std::getline(stream, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with(field) && colon != std::string::npos) {
            return line.substr(colon + 2);
        }
    }
    return "";
}

bool has_word(const std::string& text, const std::string& word) {
    return (" " + text + " ").find(" " + word + " ") != std::string::npos;
}

std::string find_kvm_module() {
    for (const char* name : {"kvm_intel", "kvm_amd", "kvm_pvm"}) {
        if (fs::exists(fs::path("/sys/module") / name)) {
            return name;
        }
    }
    return "";
}

/// The parameters that bear on paging or on timings, of all modules of KVM.
std::vector<std::pair<std::string, std::string>> find_parameters() {
    static const std::string telling =
        "ept eptad npt tdp_mmu vpid nested enable_apicv avic halt_poll_ns nx_huge_pages "
        "preemption_timer eager_page_split flush_on_reuse unrestricted_guest pvm_native "
        "pvm_emul_batch";
    std::vector<std::pair<std::string, std::string>> result;
    for (const fs::path& file : files_matching("/sys/module/kvm*/parameters/*")) {
        const std::string parameter = file.filename();
        const std::string module = file.parent_path().parent_path().filename();
        if (has_word(telling, parameter)) {
            result.emplace_back(fmt::format("{}.{}", module, parameter), first_line(file));
        }
    }
    return result;
}

std::string find_paging(const std::string& module) {
    if (module != "kvm_intel" && module != "kvm_amd") {
        return module == "kvm_pvm" ? "pvm" : "unknown";
    }
    const std::string nested = module == "kvm_intel" ? "ept" : "npt";
    const std::string value = first_line("/sys/module/" + module + "/parameters/" + nested);
    return value == "Y" || value == "1" ? nested : "shadow";
}

/// The vendor string of the hypervisor below, if CPUID says that there is one.
std::optional<std::string> find_hypervisor() {
    constexpr unsigned hypervisor_bit = 1U << 31;
    constexpr unsigned hypervisor_leaf = 0x4000'0000;
    std::array<unsigned, 4> registers{};
    auto& [eax, ebx, ecx, edx] = registers;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & hypervisor_bit) == 0) {
        return std::nullopt;
    }
    __cpuid(hypervisor_leaf, eax, ebx, ecx, edx);
    std::array<char, 3 * sizeof ebx + 1> vendor{};
    std::memcpy(vendor.data(), &registers[1], vendor.size() - 1);
    return vendor.data();
}

TscDescription find_tsc() {
    const std::string flags = cpuinfo_field("flags");
    return {.constant = has_word(flags, "constant_tsc"),
            .nonstop = has_word(flags, "nonstop_tsc"),
            .known_frequency = has_word(flags, "tsc_known_freq"),
            .clocksource =
                first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource")};
}

std::uint64_t guest_tsc_khz(const kvm::System& system) {
    try {
        kvm::Vm vm = system.create_vm();
        return vm.create_vcpu(0, system.vcpu_mapping_size()).tsc_khz();
    } catch (const Error&) {
        return 0;  // a KVM that makes no VM: the calibration says so, with the reason
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

HostDescription describe_host(const kvm::System* system) {
    HostDescription host;
    host.cpu = cpuinfo_field("model name");
    host.kernel = first_line("/proc/sys/kernel/osrelease");
    host.kvm_module = find_kvm_module();
    host.parameters = find_parameters();
    host.paging = find_paging(host.kvm_module);
    const auto hypervisor = find_hypervisor();
    host.hypervisor = hypervisor.value_or("");
    host.emulated = this_emulated_machine();
    host.nested = hypervisor || host.emulated;
    host.cores = static_cast<std::uint32_t>(usable_host_cpus().size());
    host.memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                  static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    host.huge_pages = huge_page_pools();
    host.transparent_huge_pages = transparent_huge_pages();
    host.tsc = find_tsc();
    host.disassembler = disassembler_remedy().empty();
    if (system != nullptr) {
        host.kvm = describe_kvm(*system);
    }
    return host;
}

}  // namespace nestbed::vmm
