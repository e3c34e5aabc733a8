// What a guest's records say, once the host has checked and read them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vmm/channel/measurement.hpp"

namespace nestbed::vmm {

/// An expectation that did not hold.
struct FailedExpectation {
    std::string file;
    std::uint64_t line;
    std::string expression;  ///< as written: "left == right"
    std::string values;      ///< as they were: "1 == 2"
};

/// Those of all vCPUs, in the order of their time stamps. Of log lines and failures the first and
/// the last are kept, with how many were left out between them.
struct GuestRecords {
    std::uint64_t count = 0;
    std::vector<std::string> log;  ///< lines, each with its CPU
    std::uint64_t log_left_out = 0;
    std::vector<FailedExpectation> failures;
    std::uint64_t failures_left_out = 0;
    std::vector<MeasurementEvent> measurements;
    std::set<std::string> asked_for;  ///< names of parameters that were looked up, given or not
    std::optional<std::string> skip;  ///< the reason to skip the test
    /// What the guest did wrong with its rings, at most once for each vCPU: a lost record, an
    /// impossible index, a record that cannot be read.
    std::vector<std::string> violations;
};

}  // namespace nestbed::vmm
