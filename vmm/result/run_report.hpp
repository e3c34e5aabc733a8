// A whole run: what every output format is made from.
#pragma once

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
#include "vmm/result/test_results.hpp"

namespace nestbed::vmm {

/// What ended a run before all of it was done.
enum class CutShort { interrupted, time_limit, first_failure };

/// In JSON.
constexpr const char* name_of(CutShort cut_short) {
    switch (cut_short) {
        case CutShort::interrupted:
            return "interrupted";
        case CutShort::time_limit:
            return "time_limit";
        case CutShort::first_failure:
            return "first_failure";
    }
    return "?";
}

constexpr const char* text_of(CutShort cut_short) {
    switch (cut_short) {
        case CutShort::interrupted:
            return "interrupted";
        case CutShort::time_limit:
            return "the time limit was reached";
        case CutShort::first_failure:
            return "stopped at the first failure";
    }
    return "?";
}

struct RunReport {
    std::vector<std::string> command;  ///< the arguments of this program, its name first
    /// All three are known only if the format has a place for them: probing takes time.
    Provenance provenance;
    std::optional<HostDescription> host;
    std::optional<Calibration> calibration;
    std::vector<std::string> guests;  ///< by name or path, that were to be run
    /// What the processes of its VMs were confined by, in words ("seccomp, Landlock 7", "off");
    /// empty if there was to be none.
    std::string sandbox;
    bool lacks_sandbox = false;  ///< all of it, or a part
    std::string shard;           ///< "2/4" if it is a part of a run; empty if it is all of it
    TestResults tests;
    /// What else was found, into the report as JSON; may be empty.
    std::function<void(nlohmann::ordered_json&)> add_json;
    std::optional<Error> error;  ///< of the run as a whole; tests have their own
    std::optional<CutShort> cut_short;
    std::uint64_t not_finished = 0;     ///< tests that this, or the error, left out
    std::vector<std::string> left_out;  ///< the names of those, each once
    /// Of a run until a test fails: so many passed, and `tests` has the last one.
    std::optional<std::uint64_t> passed_repetitions;
    std::vector<std::string> remarks;  ///< on the run as a whole, a line each
    bool nothing_to_run = false;       ///< as it should be; a remark says why
    double seconds = 0;
    bool histograms = false;  ///< CSV has a row for each bucket

    /// Why it is not whole: "interrupted: 2 tests did not finish"; empty if it is.
    std::string shortcoming() const {
        const std::string why = error ? error->what() : cut_short ? text_of(*cut_short) : "";
        const bool none_began = !error && cut_short == CutShort::first_failure;
        return not_finished == 0 ? why
                                 : fmt::format("{}{}{} {}", why, why.empty() ? "" : ": ",
                                               counted(not_finished, "test"),
                                               none_began ? "not run" : "did not finish");
    }

    /// What is to be told to whoever waits for the run, if anything: the run's error, or that of
    /// the first test that has one.
    std::optional<Error> first_error() const {
        std::optional<Error> first;
        std::string name;
        std::uint64_t count = 0;
        for (const TestResult& test : tests) {
            if (test.error && count++ == 0) {
                first.emplace(*test.error);
                name = test.full_name();
            }
        }
        if (error || !first) {
            return error;
        }
        return Error(
            first->kind(),
            fmt::format("{}{}: {}", name,
                        count == 1 ? "" : fmt::format(" (and {} more)", count - 1), first->what()));
    }

    /// Nothing was shown to work. Of a shard, the others may have shown it.
    bool has_only_skips() const {
        const Summary all = summary();
        return all.skipped != 0 && all.skipped == all.total() && shard.empty();
    }

    Summary summary() const {
        Summary result;
        for (const TestResult& test : tests) {
            result.add(test.verdict);
            result.flaky += test.is_flaky() ? 1 : 0;
        }
        return result;
    }
};

}  // namespace nestbed::vmm
