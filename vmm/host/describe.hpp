// What this host is, as far as it bears on paging under KVM and on timings.
#pragma once

#include <cstdint>
#include <filesystem>
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
    int recommended_cpus = 0;                   ///< KVM_CAP_NR_VCPUS
    int max_cpus = 0;                           ///< KVM_CAP_MAX_VCPUS
    std::optional<std::uint64_t> tsc_khz = {};  ///< of a guest
    channel::Features features{};               ///< what guests get
};

struct TscDescription {
    std::optional<bool> constant;         ///< the same rate at every clock speed of the core
    std::optional<bool> nonstop;          ///< goes on while the core sleeps
    std::optional<bool> known_frequency;  ///< told by the hypervisor or CPUID, not measured at boot
    /// The host kernel's own choice: "tsc" if it trusts the TSC.
    std::optional<std::string> clocksource;
};

/// What is not known, since the host does not tell it, is nothing.
struct HostDescription {
    std::optional<std::string> cpu;
    std::optional<std::string> kernel;
    std::optional<std::string> kvm_module;  ///< "kvm_intel", …; empty if there is none
    /// (module.name, value), of all modules of KVM; none if `kvm_module` is not known.
    std::vector<std::pair<std::string, std::optional<std::string>>> parameters;
    /// What translates guest addresses: "ept", "npt", "shadow" or "pvm".
    std::optional<std::string> paging;
    bool nested = false;                      ///< this host is itself a virtual machine
    std::optional<std::string> hypervisor;    ///< its vendor string, if it is one and has one
    std::optional<EmulatedMachine> emulated;  ///< it is a machine of `nestbed nested`
    std::optional<std::uint32_t> cores;       ///< that this process may use
    std::optional<std::uint64_t> memory;
    std::optional<std::vector<HugePages>> huge_pages;
    /// "always", "madvise", "never"; empty if this kernel has none.
    std::optional<std::string> transparent_huge_pages;
    TscDescription tsc;
    std::optional<KvmDescription> kvm;
    std::string kvm_problem;  ///< why there is no `kvm`, with the remedy
};

/// Reads /proc and /sys below `root` and asks CPUID; asks KVM too, unless `system` is null. Never
/// throws for what a host has not got.
HostDescription describe_host(const kvm::System* system, const std::filesystem::path& root = "/");

}  // namespace nestbed::vmm
