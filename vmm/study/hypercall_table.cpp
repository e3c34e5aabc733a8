#include "vmm/study/hypercall_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/measurement_table.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/kvm_counts_table.hpp"

namespace nestbed::vmm {

namespace {

using Rows = std::vector<const TestResult*>;

const MeasurementEvent* calls_of(const TestResult& test) {
    return measurement_named(test, measurement::hypercall);
}

/// Between the values of its bucket by its rank: buckets are 1/64 wide, and a ratio of two medians
/// would jump by as much.
double median_of(const stats::Histogram& histogram) {
    const double half = static_cast<double>(histogram.count()) / 2;
    double below = 0;
    for (std::size_t bucket = 0; bucket < stats::Histogram::bucket_count; ++bucket) {
        const auto here = static_cast<double>(histogram.count_in(bucket));
        if (here != 0 && below + here >= half) {
            const double median =
                static_cast<double>(stats::Histogram::lowest_of(bucket)) +
                static_cast<double>(stats::Histogram::width_of(bucket)) * (half - below) / here;
            return std::clamp(median, static_cast<double>(histogram.min()),
                              static_cast<double>(histogram.max()));
        }
        below += here;
    }
    return 0;
}

std::string two_digits(const std::optional<double>& number) {
    return number ? fmt::format("{:.2f}", *number) : "";
}

std::string call_table(const Rows& tests) {
    std::vector<MeasurementRow> rows;
    for (const TestResult* test : tests) {
        const MeasurementEvent& calls = *calls_of(*test);
        const MeasurementEvent* bare = measurement_named(*test, measurement::bare_loop);
        rows.push_back({{printable(test->name), parameter_text(calls, "answered_by"),
                         parameter_text(calls, "mode"), two_digits(exits_per_call(*test)),
                         two_digits(over_bare_loop(*test)),
                         bare == nullptr ? "" : parameter_text(*bare, "floor"),
                         parameter_text(calls, "per_sample"), parameter_text(calls, "empty_pair")},
                        distribution_of(calls.histogram),
                        test->tsc_khz});
    }
    return measurement_table({{"kind", Table::Align::left},
                              {"answered by", Table::Align::left},
                              {"mode", Table::Align::left},
                              {"exits"},
                              {"/bare"},
                              {"bare", Table::Align::left},
                              {"at once"},
                              {"clock"}},
                             "cycles", rows)
        .text();
}

std::string counts_table(const Rows& tests) {
    std::vector<KvmCountsRow> rows;
    for (const TestResult* test : tests) {
        rows.push_back({{printable(test->name)}, &test->kvm_counts});
    }
    return kvm_counts_table({{"kind", Table::Align::left}}, rows, "call");
}

}  // namespace

std::optional<double> over_bare_loop(const TestResult& test) {
    const MeasurementEvent* calls = calls_of(test);
    const MeasurementEvent* bare = measurement_named(test, measurement::bare_loop);
    if (calls == nullptr || bare == nullptr) {
        return std::nullopt;
    }
    const double floor = median_of(bare->histogram);
    return floor == 0 ? std::nullopt : std::optional(median_of(calls->histogram) / floor);
}

std::optional<double> exits_per_call(const TestResult& test) {
    const MeasurementEvent* calls = calls_of(test);
    if (calls == nullptr) {
        return std::nullopt;
    }
    const auto counted = number_named(*calls, "counted");
    const auto exits = number_named(*calls, "exits_of_counted");
    if (!counted || !exits || *counted == 0) {
        return std::nullopt;
    }
    return static_cast<double>(*exits) / static_cast<double>(*counted);
}

std::string hypercall_table(const std::vector<TestResult>& tests) {
    Rows measured;
    std::string rest;
    for (const TestResult& test : tests) {
        if (test.verdict == Verdict::passed && calls_of(test) != nullptr) {
            measured.push_back(&test);
        } else {
            rest += without_row(printable(test.name), test);
        }
    }
    if (measured.empty()) {
        return rest;
    }
    const std::string doorbell = doorbell_line(tests);
    return call_table(measured) + counts_table(measured) + (rest.empty() ? "" : "\n" + rest) +
           (doorbell.empty() ? "" : "\n" + doorbell);
}

std::string doorbell_line(const std::vector<TestResult>& tests) {
    const auto doorbell = std::ranges::find(tests, "doorbell", &TestResult::name);
    const auto ratio = doorbell == tests.end() ? std::nullopt : over_bare_loop(*doorbell);
    if (!ratio || doorbell->verdict != Verdict::passed) {
        return "";
    }
    return fmt::format("doorbell: {:.2f} times the bare KVM loop, of {:.2f} allowed: {}\n", *ratio,
                       doorbell_limit, *ratio <= doorbell_limit ? "good" : "TOO MUCH");
}

}  // namespace nestbed::vmm
