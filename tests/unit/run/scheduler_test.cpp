// Tests side by side, with functions in place of VMs.

#include "vmm/run/scheduler.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;

/// Tests that are known by their repetition alone.
std::vector<PlannedTest> tests_with_cpus(std::initializer_list<std::uint32_t> cpus) {
    std::vector<PlannedTest> tests;
    for (const std::uint32_t n : cpus) {
        tests.push_back({nullptr, nullptr, tests.size(), n});
    }
    return tests;
}

TestResult result_of(const PlannedTest& test) {
    TestResult result;
    result.verdict = Verdict::passed;
    result.repetition = test.repetition;
    return result;
}

struct Recorder {
    std::vector<std::uint64_t> starts;
    std::vector<std::uint64_t> ends;
    RunSteps steps{
        .run = {},
        .started = [this](const PlannedTest& test) { starts.push_back(test.repetition); },
        .finished = [this](const TestResult& result) { ends.push_back(result.repetition); }};
};

/// Lets tests meet: `wait_for(n)` returns when n of them have come.
class Meeting {
  public:
    void wait_for(std::uint32_t count) {
        std::unique_lock lock(mutex_);
        ++arrived_;
        all_here_.notify_all();
        all_here_.wait(lock, [&] { return arrived_ >= count; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable all_here_;
    std::uint32_t arrived_ = 0;
};

template <typename RunOne>
RunReport report_of(const std::vector<PlannedTest>& plan, const Parallelism& parallelism,
                    const RunOne& run_one, const std::stop_token& stop, RunSteps steps) {
    steps.run = run_one;
    RunReport report;
    run_side_by_side(plan, parallelism, steps, stop, report);
    return report;
}

TEST(Scheduler, RunsAllInOrder) {
    Recorder recorder;
    const RunReport report = report_of(
        tests_with_cpus({1, 1, 1}), {1, 1},
        [](const auto& test, const auto&) { return result_of(test); }, {}, recorder.steps);
    EXPECT_EQ(report.tests.size(), 3U);
    EXPECT_EQ(report.not_finished, 0U);
    EXPECT_THAT(recorder.starts, ElementsAre(0, 1, 2));
    EXPECT_THAT(recorder.ends, ElementsAre(0, 1, 2));
}

TEST(Scheduler, RunsSideBySideAndReportsInOrder) {
    Recorder recorder;
    Meeting meeting;
    std::atomic<bool> second_done{false};
    const RunReport report = report_of(
        tests_with_cpus({1, 1}), {2, 2},
        [&](const PlannedTest& test, const auto&) {
            meeting.wait_for(2);  // would never return if they ran one after the other
            if (test.repetition == 0) {
                second_done.wait(false);
            } else {
                second_done = true;
                second_done.notify_all();
            }
            return result_of(test);
        },
        {}, recorder.steps);
    EXPECT_THAT(recorder.ends, ElementsAre(0, 1));
    EXPECT_EQ(report.tests[0].repetition, 0U);
}

TEST(Scheduler, NeverUsesMoreSlotsThanThereAre) {
    Recorder recorder;
    std::atomic<std::uint32_t> busy{0};
    std::atomic<std::uint32_t> most{0};
    const auto tests = tests_with_cpus({1, 2, 64, 1, 1, 2, 3, 1, 4, 1});
    constexpr std::uint32_t slots = 4;
    report_of(
        tests, {8, slots},
        [&](const PlannedTest& test, const auto&) {
            const std::uint32_t weight = std::min(tests[test.repetition].cpus, slots);
            const std::uint32_t now = busy.fetch_add(weight) + weight;
            for (std::uint32_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            busy -= weight;
            return result_of(test);
        },
        {}, recorder.steps);
    EXPECT_LE(most, slots);
    EXPECT_EQ(recorder.ends.size(), tests.size());
    EXPECT_TRUE(std::ranges::is_sorted(recorder.starts));
}

TEST(Scheduler, AStopEndsWhatRunsAndStartsNothing) {
    Recorder recorder;
    std::stop_source stop;
    const RunReport report = report_of(
        tests_with_cpus({1, 1, 1, 1}), {1, 1},
        [&](const PlannedTest& test, const std::stop_token& token) {
            TestResult result = result_of(test);
            if (test.repetition == 1) {
                stop.request_stop();
                result.interrupted = token.stop_requested();
            }
            return result;
        },
        stop.get_token(), recorder.steps);
    EXPECT_EQ(report.tests.size(), 1U);
    EXPECT_EQ(report.not_finished, 3U);
    EXPECT_FALSE(report.error);
    EXPECT_TRUE(report.interrupted);
    EXPECT_THAT(recorder.ends, ElementsAre(0));
}

TEST(Scheduler, WhatFinishedBehindAnInterruptedTestIsReported) {
    Recorder recorder;
    std::stop_source stop;
    std::atomic<bool> second_done{false};
    const RunReport report = report_of(
        tests_with_cpus({1, 1}), {2, 2},
        [&](const PlannedTest& test, const auto&) {
            TestResult result = result_of(test);
            if (test.repetition == 0) {
                second_done.wait(false);
                stop.request_stop();
                result.interrupted = true;
            } else {
                second_done = true;
                second_done.notify_all();
            }
            return result;
        },
        stop.get_token(), recorder.steps);
    EXPECT_THAT(recorder.ends, ElementsAre(1));
    EXPECT_EQ(report.not_finished, 1U);
}

TEST(Scheduler, AnErrorEndsTheRunAndComesBack) {
    Recorder recorder;
    const RunReport report = report_of(
        tests_with_cpus({1, 1, 1}), {1, 1},
        [](const PlannedTest& test, const auto&) -> TestResult {
            if (test.repetition == 1) {
                throw std::runtime_error("no VM");
            }
            return result_of(test);
        },
        {}, recorder.steps);
    EXPECT_EQ(report.tests.size(), 1U);
    EXPECT_EQ(report.not_finished, 2U);
    ASSERT_TRUE(report.error);
    EXPECT_FALSE(report.interrupted);
    EXPECT_STREQ(report.error->what(), "no VM");
}

TEST(Scheduler, AnObserverThatThrowsEndsTheRun) {
    Recorder broken;
    broken.steps.finished = [](const TestResult&) { throw std::runtime_error("closed pipe"); };
    const RunReport report = report_of(
        tests_with_cpus({1, 1, 1}), {1, 1},
        [](const auto& test, const auto&) { return result_of(test); }, {}, broken.steps);
    EXPECT_TRUE(report.error);
    EXPECT_THAT(broken.starts, ElementsAre(0));
}

TEST(Scheduler, JobsByDefaultAreAsManyAsTheCores) {
    EXPECT_EQ(parallelism(0).jobs, parallelism(0).slots);
    EXPECT_GE(parallelism(0).jobs, 1U);
    EXPECT_EQ(parallelism(3).jobs, 3U);
}

}  // namespace
}  // namespace nestbed::vmm
