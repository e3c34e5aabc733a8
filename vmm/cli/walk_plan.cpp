#include "vmm/cli/walk_plan.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "vmm/host/describe.hpp"
#include "vmm/memory/huge_pages.hpp"
#include "vmm/study/walk_inspection.hpp"
#include "vmm/study/walk_json.hpp"
#include "vmm/study/walk_table.hpp"

namespace nestbed::vmm {

namespace {

/// What there is without any preparation.
std::vector<Backing> default_backings() {
    std::vector<Backing> result{Backing::anon};
    if (!transparent_huge_page_lack()) {
        result.push_back(Backing::thp);
    }
    return result;
}

/// From what a first-level TLB holds to gigabytes, as far as they are a small part of the host's
/// memory: each is there up to three times.
std::vector<std::uint64_t> default_working_sets() {
    constexpr std::uint64_t mib = 1 << 20;
    const std::uint64_t most = describe_host(nullptr).memory / 8;
    std::vector<std::uint64_t> result{mib / 4};
    for (const std::uint64_t size :
         {mib, 4 * mib, 8 * mib, 16 * mib, 32 * mib, 64 * mib, 256 * mib, 1024 * mib}) {
        if (size <= most) {
            result.push_back(size);
        }
    }
    return result;
}

using Findings = std::vector<std::optional<WalkFindings>>;

std::vector<WalkResult> results_of(const std::vector<WalkCombination>& combinations,
                                   const std::vector<TestResult>& tests, const Findings& findings) {
    std::vector<WalkResult> results;
    for (std::size_t n = 0; n < tests.size(); ++n) {
        results.push_back({combinations[n], tests[n], findings[n]});
    }
    return results;
}

}  // namespace

MeasurePlan walk_plan(const WalkOptions& options) {
    WalkAxes axes = options.axes;
    if (axes.backings.empty()) {
        axes.backings = default_backings();
    }
    if (axes.working_sets.empty()) {
        axes.working_sets = default_working_sets();
    }
    const std::vector<WalkCombination> combinations = combinations_of(axes);
    const WalkHost host = walk_host();
    const auto findings = std::make_shared<Findings>(combinations.size());
    MeasurePlan plan;
    plan.guest = walk_guest;
    for (std::size_t n = 0; n < combinations.size(); ++n) {
        TestSettings settings = walk_settings(combinations[n], options.sampling);
        settings.inspect = [=, at = combinations[n], sampling = options.sampling](
                               const Machine& machine, TestResult& result,
                               const std::stop_token& stop) {
            if (result.verdict == Verdict::passed) {
                (*findings)[n] = inspect_walk(machine, result, at, sampling, host, stop);
            }
        };
        plan.runs.push_back({combinations[n].text(), walk_test, std::move(settings)});
    }
    plan.text = [=](const std::vector<TestResult>& tests) {
        return walk_table(results_of(combinations, tests, *findings)) +
               fmt::format("model: {}, {}\n",
                           host.second_stage ? "two stages" : "one stage, as deep as a process's",
                           host.source);
    };
    plan.conclude = [=](RunReport& report) {
        report.findings.emplace_back(
            "walks", json_of(results_of(combinations, report.tests, *findings)).dump());
    };
    return plan;
}

}  // namespace nestbed::vmm
