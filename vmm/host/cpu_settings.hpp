// How this host's processors are set up, as far as it bears on timings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace nestbed::vmm {

/// What is not known is nothing; what differs from one processor to the next is "mixed".
struct CpuSettings {
    std::optional<std::string> microcode;  ///< its revision
    std::optional<std::string> frequency_driver;
    std::optional<std::string> governor;
    std::optional<bool> turbo;  ///< frequencies above the nominal one are allowed
    std::optional<bool> smt;    ///< more than one thread of a core is in use
    std::optional<std::uint64_t> numa_nodes;
    /// By vulnerability, in the kernel's words.
    std::optional<std::map<std::string, std::optional<std::string>>> mitigations;
};

/// Frequency driver and governor are those of `cores`.
CpuSettings find_cpu_settings(const std::filesystem::path& root,
                              std::span<const std::uint32_t> cores);

}  // namespace nestbed::vmm
