#include "vmm/render/expected_skips.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "vmm/base/error.hpp"
#include "vmm/base/json_text.hpp"

namespace nestbed::vmm {

namespace {

using Names = std::vector<std::string>;

bool matches(const std::string& pattern, const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool holds(const Names& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

bool may_skip(const ExpectedSkip& skip, const std::string& environment, const std::string& test) {
    return holds(skip.environments, environment) && matches(skip.tests, test);
}

std::string environment_kind(const ResultFile& results) {
    std::string paging = results.host.paging.value_or("unknown paging");
    if (!results.host.emulated) {
        return paging;
    }
    const std::string& emulator = results.host.emulated->emulator;  // with its version
    return fmt::format("{} in {}", paging, emulator.substr(0, emulator.find(' ')));
}

void judge_environment(const ExpectedSkips& expected, const ResultFile& results,
                       SkipJudgement& judgement) {
    const std::string kind = environment_kind(results);
    if (!holds(expected.environments, kind)) {
        judgement.remarks.push_back(
            fmt::format("{} is {}, of which the list says nothing: it is held to none",
                        results.environment, kind));
        return;
    }
    std::set<const ExpectedSkip*> happened;
    for (const TestResult& test : results.tests) {
        bool is_expected = test.verdict != Verdict::skipped;
        for (const ExpectedSkip& skip : expected.skips) {
            if (test.verdict == Verdict::skipped && may_skip(skip, kind, test.full_name())) {
                happened.insert(&skip);
                is_expected = is_expected || matches(skip.reason, test.reason);
            }
        }
        if (!is_expected) {
            judgement.faults.push_back(
                fmt::format("{}: {} was skipped, which is not expected of {}: {}",
                            results.environment, test.full_name(), kind, test.reason));
        }
    }
    for (const ExpectedSkip& skip : expected.skips) {
        if (holds(skip.environments, kind) && !holds(skip.at_times, kind) &&
            !happened.contains(&skip)) {
            judgement.remarks.push_back(
                fmt::format("{}: {} was not skipped, though it is listed for {}",
                            results.environment, skip.tests, kind));
        }
    }
}

/// Where skips are as expected, a planted bug is seen in every environment that is not listed.
void judge_planted_bug(const ExpectedSkips& expected, const std::string& test,
                       SkipJudgement& judgement) {
    const bool seen_somewhere =
        std::ranges::any_of(expected.environments, [&](const std::string& environment) {
            return std::ranges::none_of(expected.skips, [&](const ExpectedSkip& skip) {
                return may_skip(skip, environment, test);
            });
        });
    if (!seen_somewhere) {
        judgement.faults.push_back(
            fmt::format("{} may be skipped in each environment: nothing sees this bug", test));
    }
}

void judge_planted_bugs(const ExpectedSkips& expected, std::span<const ResultFile> results,
                        SkipJudgement& judgement) {
    for (const std::string& pattern : expected.planted_bugs) {
        std::set<std::string> tests;
        for (const ResultFile& environment : results) {
            for (const TestResult& test : environment.tests) {
                if (matches(pattern, test.full_name())) {
                    tests.insert(test.full_name());
                }
            }
        }
        if (tests.empty()) {
            judgement.faults.push_back(
                fmt::format("no test is called {}, which is to see a planted bug", pattern));
        }
        for (const std::string& test : tests) {
            judge_planted_bug(expected, test, judgement);
        }
    }
}

/// Each is looked for among all tests.
void refuse_too_many(const nlohmann::ordered_json& json, const std::filesystem::path& path) {
    constexpr std::size_t most = 500;
    for (const char* list : {"environments", "planted_bugs", "skips"}) {
        if (json.at(list).size() > most) {
            throw_error(ErrorKind::input, "{}: more than {} {}", path.string(), most, list);
        }
    }
}

}  // namespace

SkipJudgement judge_skips(const ExpectedSkips& expected, std::span<const ResultFile> results) {
    SkipJudgement judgement;
    for (const ResultFile& environment : results) {
        judge_environment(expected, environment, judgement);
    }
    judge_planted_bugs(expected, results, judgement);
    return judgement;
}

ExpectedSkips expected_skips_from(std::string_view text, const std::filesystem::path& path) {
    try {
        const auto json = parse_json(text, path.string());
        ExpectedSkips expected{json.at("environments"), json.at("planted_bugs"), {}};
        refuse_too_many(json, path);
        for (const auto& skip : json.at("skips")) {
            const Names at_times = skip.value("at_times_in", Names());
            Names environments =
                at_times.empty() ? skip.at("in").get<Names>() : skip.value("in", Names());
            environments.insert(environments.end(), at_times.begin(), at_times.end());
            for (const std::string& environment : environments) {
                if (!holds(expected.environments, environment)) {
                    throw_error(ErrorKind::input, "{}: {} is none of its environments",
                                path.string(), environment);
                }
            }
            expected.skips.push_back({skip.at("tests"), skip.at("reason"), environments, at_times});
        }
        return expected;
    } catch (const nlohmann::json::exception& error) {
        throw_error(ErrorKind::input, "{} is no list of expected skips: {}", path.string(),
                    complaint_of(error));
    }
}

}  // namespace nestbed::vmm
