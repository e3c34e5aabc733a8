// A whole run: what every output format is made from.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vmm/host/host_description.hpp"
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
    bool interrupted = false;
    std::uint64_t not_finished = 0;  ///< tests that an interruption or an error left out
    double seconds = 0;

    Summary summary() const {
        Summary result;
        for (const TestResult& test : tests) {
            result.add(test.verdict);
        }
        return result;
    }
};

}  // namespace nestbed::vmm
