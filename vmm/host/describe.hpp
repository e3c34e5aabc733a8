// What this host is, as far as it bears on paging under KVM and on timings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/channel/boot_info.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/memory/huge_pages.hpp"

namespace nestbed::kvm {
class System;
}

namespace nestbed::vmm {

/// What /dev/kvm says of itself.
struct KvmDescription {
    int api_version = 0;
    int recommended_cpus = 0;      ///< KVM_CAP_NR_VCPUS
    int max_cpus = 0;              ///< KVM_CAP_MAX_VCPUS
    std::uint64_t tsc_khz = 0;     ///< of a guest; 0 if this KVM does not say
    channel::Features features{};  ///< what guests get
};

struct TscDescription {
    bool constant = false;         ///< the same rate at every clock speed of the core
    bool nonstop = false;          ///< goes on while the core sleeps
    bool known_frequency = false;  ///< told by the hypervisor or CPUID, not measured at boot
    std::string clocksource;       ///< the host kernel's own choice: "tsc" if it trusts the TSC
};

struct HostDescription {
    std::string cpu;
    std::string kernel;
    std::string kvm_module;  ///< "kvm_intel", …; empty if there is none to be seen
    /// (module.name, value), of all modules of KVM.
    std::vector<std::pair<std::string, std::string>> parameters;
    /// What translates guest addresses: "ept", "npt", "shadow", "pvm" or "unknown".
    std::string paging;
    bool nested = false;                      ///< this host is itself a virtual machine
    std::string hypervisor;                   ///< its vendor string, if it is one
    std::optional<EmulatedMachine> emulated;  ///< it is a machine of `nestbed nested`
    std::uint32_t cores = 0;                  ///< that this process may use
    std::uint64_t memory = 0;
    std::vector<HugePages> huge_pages;
    std::string transparent_huge_pages;  ///< "always", "madvise", "never"; empty if unknown
    TscDescription tsc;
    bool disassembler = false;  ///< this program can show instructions in a diagnosis
    std::optional<KvmDescription> kvm;
    std::string kvm_problem;  ///< why there is no `kvm`, with the remedy
};

/// Reads /proc and /sys and asks CPUID; asks KVM too, unless `system` is null. Never throws for
/// what a host has not got: that part of the description stays empty.
HostDescription describe_host(const kvm::System* system);

}  // namespace nestbed::vmm
