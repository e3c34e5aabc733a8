// A whole run: what every output format is made from.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vmm/host/describe.hpp"
#include "vmm/result/calibration.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct RunReport {
    std::vector<std::string> command;  ///< the arguments of this program, its name first
    /// Known only if the format has a place for it: probing takes time.
    std::optional<HostDescription> host;
    std::optional<Calibration> calibration;
    std::vector<TestResult> tests;
    /// What else was found, into the report as JSON; may be empty.
    std::function<void(nlohmann::ordered_json&)> add_json;
    std::optional<Error> error;  ///< of the run as a whole; tests have their own
    bool interrupted = false;
    std::uint64_t not_finished = 0;  ///< tests that an interruption or the error left out
    double seconds = 0;

    /// Why it is not whole: "interrupted: 2 tests did not finish"; empty if it is.
    std::string shortcoming() const;

    /// What is to be told to whoever waits for the run, if anything: the run's error, or that of
    /// the first test that has one.
    std::optional<Error> first_error() const;

    Summary summary() const {
        Summary result;
        for (const TestResult& test : tests) {
            result.add(test.verdict);
        }
        return result;
    }
};

}  // namespace nestbed::vmm
