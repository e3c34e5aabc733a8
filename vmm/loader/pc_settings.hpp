// What a guest that is not ours is to be given: the PC that it runs on, and what it is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nestbed::vmm {

/// Which processor the guest sees, in QEMU's terms. What KVM does not offer, it does not get.
struct CpuModel {
    struct Feature {
        std::string name;  ///< QEMU's: "x2apic", "tsc-deadline"
        bool on;

        friend bool operator==(const Feature&, const Feature&) = default;
    };

    std::string name = "max";            ///< of a model of cpu_models(); "max": all there is
    std::vector<Feature> features = {};  ///< changes to the model, the last one counts
    std::string vendor = {};             ///< twelve characters; empty: the model's
    std::optional<std::uint32_t> physical_bits{};  ///< MAXPHYADDR; nothing: the model's
    bool host_physical_bits = false;               ///< the host's MAXPHYADDR instead
    bool hyperv = false;                           ///< with all that KVM has of Hyper-V's interface

    friend bool operator==(const CpuModel&, const CpuModel&) = default;
};

/// What a PC can have.
inline constexpr std::uint64_t most_pc_cpus = 64;
inline constexpr std::uint64_t least_pc_memory = std::uint64_t{8} << 20;
inline constexpr std::uint64_t most_pc_memory = std::uint64_t{64} << 30;

/// In a command line: the seconds since 1970, as they are when the guest starts (`date +%s`).
inline constexpr char start_time_mark[] = "\1";

struct PcSettings {
    std::uint32_t cpus = 1;
    std::uint64_t memory = 128U << 20;  ///< bytes, whole MiB
    CpuModel cpu{};
    std::string command_line = {};  ///< what follows the file's name in it
    std::string environment = {};   ///< lines of NAME=VALUE, the first module; empty: there is none
    bool vmport = false;            ///< VMware's port
    bool hyperv_test_device = false;
    bool pit = true;                    ///< the timer that counts at 1.193182 MHz
    bool pit_reinjects = true;          ///< ticks that the guest was too late for
    bool cpu_power_management = false;  ///< HLT, PAUSE and MWAIT need not exit

    friend bool operator==(const PcSettings&, const PcSettings&) = default;
};

}  // namespace nestbed::vmm
