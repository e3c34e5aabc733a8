#include "vmm/host/describe.hpp"

#include <cpuid.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
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

/// The entries of a folder in order, none if it cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> result;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        result.push_back(entry->path());
    }
    std::ranges::sort(result);
    return result;
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

bool has_word(const std::string& text, std::string_view word) {
    std::istringstream stream(text);
    for (std::string next; stream >> next;) {
        if (next == word) {
            return true;
        }
    }
    return false;
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
    for (const fs::path& module : entries_of("/sys/module")) {
        const std::string name = module.filename();
        if (!name.starts_with("kvm")) {
            continue;
        }
        for (const fs::path& parameter : entries_of(module / "parameters")) {
            if (has_word(telling, parameter.filename().string())) {
                result.emplace_back(name + "." + parameter.filename().string(),
                                    first_line(parameter));
            }
        }
    }
    return result;
}

bool is_on(const fs::path& parameter) {
    const std::string value = first_line(parameter);
    return value == "Y" || value == "1";
}

std::string find_paging(const std::string& module) {
    if (module == "kvm_intel") {
        return is_on("/sys/module/kvm_intel/parameters/ept") ? "ept" : "shadow";
    }
    if (module == "kvm_amd") {
        return is_on("/sys/module/kvm_amd/parameters/npt") ? "npt" : "shadow";
    }
    return module == "kvm_pvm" ? "pvm" : "unknown";
}

/// The vendor string of the hypervisor below, if CPUID says that there is one.
std::optional<std::string> find_hypervisor() {
    constexpr unsigned hypervisor_bit = 1U << 31;
    constexpr unsigned hypervisor_leaf = 0x4000'0000;
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & hypervisor_bit) == 0) {
        return std::nullopt;
    }
    __cpuid(hypervisor_leaf, eax, ebx, ecx, edx);
    const std::array<unsigned, 3> words{ebx, ecx, edx};
    std::array<char, sizeof words + 1> vendor{};
    std::memcpy(vendor.data(), words.data(), sizeof words);
    return vendor.data();
}

TscDescription find_tsc() {
    const std::string flags = cpuinfo_field("flags");
    TscDescription tsc;
    tsc.constant = has_word(flags, "constant_tsc");
    tsc.nonstop = has_word(flags, "nonstop_tsc");
    tsc.known_frequency = has_word(flags, "tsc_known_freq");
    tsc.clocksource =
        first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    return tsc;
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
    KvmDescription kvm;
    kvm.api_version = KVM_API_VERSION;  // a System has checked it
    kvm.recommended_cpus = system.extension(KVM_CAP_NR_VCPUS);
    kvm.max_cpus = system.extension(KVM_CAP_MAX_VCPUS);
    kvm.features = features_of(system.supported_cpuid());
    kvm.tsc_khz = guest_tsc_khz(system);
    return kvm;
}

}  // namespace

HostDescription describe_host(const kvm::System* system) {
    HostDescription host;
    host.cpu = cpuinfo_field("model name");
    utsname names{};
    if (::uname(&names) == 0) {
        host.kernel = names.release;
    }
    host.kvm_module = find_kvm_module();
    host.parameters = find_parameters();
    host.paging = find_paging(host.kvm_module);
    if (const auto hypervisor = find_hypervisor()) {
        host.nested = true;
        host.hypervisor = *hypervisor;
    }
    host.emulated = this_emulated_machine();
    host.nested = host.nested || host.emulated;
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
