#include "vmm/result/judge.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "vmm/base/near_words.hpp"
#include "vmm/base/text.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

/// Why a measurement is none; empty if it is one.
std::string objection_to(const MeasurementEvent& measurement) {
    const auto& proof = measurement.proof;
    if (measurement.histogram.count() == 0) {
        return measurement.name + ": it has no samples";
    }
    if (!proof || (proof->violations == 0 && proof->checks != 0)) {
        return "";
    }
    return measurement.name +
           (proof->violations == 0
                ? ": it has no proof: nothing was checked"
                : fmt::format(": {} in {}", counted(proof->violations, "violation"),
                              counted(proof->checks, "check")));
}

/// What is owed and was not sent.
std::string lack_of(const TestResult& result, const Expected& expected) {
    const auto& all = result.measurements;
    if (!expected.measurement.empty() &&
        measurement_named(result, expected.measurement) == nullptr) {
        return "the guest sent no measurement " + expected.measurement;
    }
    if (expected.proof && (all.empty() || !all.front().proof)) {
        return all.empty() ? "the guest measured nothing"
                           : all.front().name + ": the guest sent no proof with it";
    }
    return "";
}

std::string failure_of(const TestResult& result, const Outcome& outcome) {
    if (outcome.ending != Ending::finished) {
        return outcome.detail;
    }
    if (!result.violations.empty()) {
        return "the record channel is broken: " + result.violations.front();
    }
    if (!result.failures.empty()) {
        const std::uint64_t failures = result.failures.size() + result.failures_left_out;
        return failures == 1 ? "an expectation failed"
                             : counted(failures, "expectation") + " failed";
    }
    for (const MeasurementEvent& measurement : result.measurements) {
        if (std::string objection = objection_to(measurement); !objection.empty()) {
            return objection;
        }
    }
    return "";
}

}  // namespace

void judge(TestResult& result, const Outcome& outcome, const Expected& expected) {
    result.verdict = Verdict::failed;
    result.reason = failure_of(result, outcome);
    if (!result.reason.empty() || outcome.ending != Ending::finished) {
        return;
    }
    if (result.skip) {
        result.verdict = Verdict::skipped;
        result.reason = *result.skip;
    } else {
        result.reason = lack_of(result, expected);
        result.verdict = result.reason.empty() ? Verdict::passed : Verdict::failed;
    }
}

void judge_exit(TestResult& result, const Outcome& outcome) {
    // As kvm-unit-tests has them (its lib/libcflat.h and lib/report.c).
    constexpr std::uint32_t passed = 0;
    constexpr std::uint32_t skipped = 77 >> 1;
    constexpr std::uint32_t aborted = 127 >> 1;
    const auto& value = result.exit_value;
    result.verdict = Verdict::failed;
    if (outcome.ending != Ending::finished || !value) {
        result.reason = outcome.detail;
        return;
    }
    if (value == passed) {
        result.verdict = Verdict::passed;
        return;
    }
    const auto first = [&](auto is_one) {
        const auto& all = result.sub_results.all;
        const auto found = std::ranges::find_if(all, is_one);
        return found == all.end() ? std::string() : fmt::format(": {}", found->text);
    };
    if (value == skipped) {
        result.verdict = Verdict::skipped;
        result.reason = "the guest skipped it" + first([](const SubResult& one) {
                            return one.kind == SubResult::Kind::skip;
                        });
        return;
    }
    const SubResultCounts& counts = result.sub_results.counts;
    if (counts.failures() != 0) {
        result.reason =
            fmt::format("{} of {} failed{}", counts.failures(), counted(counts.total(), "check"),
                        first([](const SubResult& one) { return one.is_failure(); }));
    } else {
        result.reason = value == aborted
                            ? "the guest aborted"
                            : fmt::format("the guest ended with {} (0 is a pass)", *value);
    }
}

std::optional<Error> objection_to_parameters(const TestResults& tests) {
    std::set<std::string> given;
    std::set<std::string> asked_for;
    for (const TestResult& test : tests) {
        if (test.verdict == Verdict::failed) {
            return std::nullopt;
        }
        for (const auto& [name, value] : test.parameters) {
            given.insert(name);
        }
        asked_for.insert(test.asked_for.begin(), test.asked_for.end());
    }
    std::vector<std::string> ignored;
    std::ranges::set_difference(given, asked_for, std::back_inserter(ignored));
    if (ignored.empty()) {
        return std::nullopt;
    }
    return Error(
        ErrorKind::usage,
        fmt::format("no test has looked up the parameter {}; looked up: {}{}",
                    fmt::join(ignored, ", "),
                    asked_for.empty() ? "none" : fmt::to_string(fmt::join(asked_for, ", ")),
                    did_you_mean(ignored.front(), {asked_for.begin(), asked_for.end()})));
}

}  // namespace nestbed::vmm
