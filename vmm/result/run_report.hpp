// A whole run: what every output format is made from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "vmm/base/text.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/host/provenance.hpp"
#include "vmm/result/calibration.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct RunReport {
    std::vector<std::string> command;  ///< the arguments of this program, its name first
    /// All three are known only if the format has a place for them: probing takes time.
    Provenance provenance;
    std::optional<HostDescription> host;
    std::optional<Calibration> calibration;
    std::vector<TestResult> tests;
    /// What else was found, into the report as JSON; may be empty.
    std::function<void(nlohmann::ordered_json&)> add_json;
    std::optional<Error> error;  ///< of the run as a whole; tests have their own
    bool interrupted = false;
    std::uint64_t not_finished = 0;  ///< tests that an interruption or the error left out
    double seconds = 0;
    bool histograms = false;  ///< CSV has a row for each bucket

    /// Why it is not whole: "interrupted: 2 tests did not finish"; empty if it is.
    std::string shortcoming() const {
        const std::string why = error ? error->what() : interrupted ? "interrupted" : "";
        return not_finished == 0
                   ? why
                   : fmt::format("{}{}{} did not finish", why, why.empty() ? "" : ": ",
                                 counted(not_finished, "test"));
    }

    /// What is to be told to whoever waits for the run, if anything: the run's error, or that of
    /// the first test that has one.
    std::optional<Error> first_error() const {
        const auto has_error = [](const TestResult& test) { return test.error.has_value(); };
        const auto first = std::ranges::find_if(tests, has_error);
        if (error || first == tests.end()) {
            return error;
        }
        const auto others = std::ranges::count_if(tests, has_error) - 1;
        return Error(first->error->kind(),
                     fmt::format("{}{}: {}", first->full_name(),
                                 others == 0 ? "" : fmt::format(" (and {} more)", others),
                                 first->error->what()));
    }

    Summary summary() const {
        Summary result;
        for (const TestResult& test : tests) {
            result.add(test.verdict);
        }
        return result;
    }
};

}  // namespace nestbed::vmm
