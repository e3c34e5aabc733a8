// What this host's KVM costs, as measured by the built-in guest `calibrate` just now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

/// TSC of vCPU 1 minus that of vCPU 0: within `bound` of `cycles`, and at best known that well.
struct TscOffset {
    std::int64_t cycles = 0;
    std::uint64_t bound = 0;
};

/// What could not be measured is missing, and `problems` says why.
struct Calibration {
    std::uint64_t tsc_khz = 0;
    std::optional<double> kernel_cycles_per_instruction;  ///< at CPL 0; the median of many loops
    std::optional<double> user_cycles_per_instruction;    ///< at CPL 3
    std::optional<Distribution> exit_round_trip;          ///< cycles, as all below
    std::optional<Distribution> ipi_to_halted;            ///< there and back, the target in HLT
    std::optional<Distribution> ipi_to_spinning;          ///< the target in a loop at CPL 0
    std::optional<TscOffset> tsc_offset;
    std::optional<bool> hypercalls;  ///< VMCALL and VMMCALL come back
    double seconds = 0;              ///< that it took
    std::vector<std::string> problems;
    std::optional<Error> error;  ///< of the first guest that could not be run

    /// Two vCPUs that run side by side exchange their clocks within a few µs. If these did not,
    /// nothing is known of their clocks.
    bool ran_side_by_side() const {
        constexpr double side_by_side = 100;
        return !tsc_offset || tsc_khz == 0 ||
               microseconds(static_cast<double>(tsc_offset->bound), tsc_khz) <= side_by_side;
    }
    std::optional<TscOffset> measurable_tsc_offset() const {
        return ran_side_by_side() ? tsc_offset : std::nullopt;
    }

    /// False if no guest could be run at all.
    bool found_anything() const {
        return kernel_cycles_per_instruction || user_cycles_per_instruction || exit_round_trip ||
               ipi_to_halted || ipi_to_spinning || tsc_offset;
    }
};

}  // namespace nestbed::vmm
