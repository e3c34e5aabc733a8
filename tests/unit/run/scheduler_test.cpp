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

/// Tests that are known by their lines: 0, 1, ….
std::vector<PlannedTest> tests_with_cpus(std::initializer_list<std::uint32_t> cpus) {
    static const std::vector<GuestTest> numbered = [] {
        std::vector<GuestTest> all;
        for (std::uint64_t n = 0; n < 16; ++n) {
            all.push_back({"numbered", "test_" + std::to_string(n), "", n, 0, {}});
        }
        return all;
    }();
    std::vector<PlannedTest> tests;
    for (const std::uint32_t n : cpus) {
        tests.push_back({nullptr, &numbered.at(tests.size()), 1, n});
    }
    return tests;
}

TestResult result_of(const PlannedTest& test, Verdict verdict = Verdict::passed) {
    TestResult result;
    result.verdict = verdict;
    result.suite = test.test->suite;
    result.name = test.test->name;
    result.line = test.test->line;
    result.repetition = test.repetition;
    return result;
}

struct Recorder {
    std::vector<std::uint64_t> starts;
    std::vector<std::uint64_t> ends;
    RunSteps steps{
        .run = {},
        .started = [this](const PlannedTest& test) { starts.push_back(test.test->line); },
        .finished = [this](const TestResult& result) { ends.push_back(result.line); }};
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
RunReport report_of(const std::vector<PlannedTest>& tests, const Parallelism& parallelism,
                    const RunOne& run_one, const std::stop_token& stop, RunSteps steps,
                    const PlanOrder& order = {}) {
    steps.run = run_one;
    RunReport report;
    Plan plan(tests, order);
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

TEST(Scheduler, RunsNoMoreSideBySideThanThereIsMemoryFor) {
    Recorder recorder;
    std::vector<PlannedTest> tests = tests_with_cpus({1, 1, 1, 1, 1, 1});
    for (PlannedTest& test : tests) {
        test.memory = 40;
    }
    tests[3].memory = 1000;  // more than there is: it runs, alone, to say so itself
    std::mutex mutex;
    std::uint64_t taken = 0;
    std::uint64_t most = 0;
    const RunReport report = report_of(
        tests, {.jobs = 6, .slots = 6, .memory = 100},
        [&](const PlannedTest& test, const auto&) {
            const std::uint64_t takes = std::min<std::uint64_t>(test.memory, 100);
            {
                const std::lock_guard lock(mutex);
                taken += takes;
                most = std::max(most, taken);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            const std::lock_guard lock(mutex);
            taken -= takes;
            return result_of(test);
        },
        {}, recorder.steps);
    EXPECT_EQ(report.tests.size(), 6U);
    EXPECT_LE(most, 100U);
    EXPECT_GE(most, 80U);
}

TEST(Scheduler, RunsSideBySideAndReportsInOrder) {
    Recorder recorder;
    Meeting meeting;
    std::atomic<bool> second_done{false};
    const RunReport report = report_of(
        tests_with_cpus({1, 1}), {2, 2},
        [&](const PlannedTest& test, const auto&) {
            meeting.wait_for(2);  // would never return if they ran one after the other
            if (test.test->line == 0) {
                second_done.wait(false);
            } else {
                second_done = true;
                second_done.notify_all();
            }
            return result_of(test);
        },
        {}, recorder.steps);
    EXPECT_THAT(recorder.ends, ElementsAre(0, 1));
    EXPECT_EQ(report.tests[0].line, 0U);
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
            const std::uint32_t weight = std::min(tests[test.test->line].cpus, slots);
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
            if (test.test->line == 1) {
                stop.request_stop();
                result.interrupted = token.stop_requested();
            }
            return result;
        },
        stop.get_token(), recorder.steps);
    EXPECT_EQ(report.tests.size(), 1U);
    EXPECT_EQ(report.not_finished, 3U);
    EXPECT_FALSE(report.error);
    EXPECT_EQ(report.cut_short, CutShort::interrupted);
    EXPECT_THAT(report.left_out,
                ElementsAre("numbered.test_1", "numbered.test_2", "numbered.test_3"));
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
            if (test.test->line == 0) {
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
            if (test.test->line == 1) {
                throw std::runtime_error("no VM");
            }
            return result_of(test);
        },
        {}, recorder.steps);
    EXPECT_EQ(report.tests.size(), 1U);
    EXPECT_EQ(report.not_finished, 2U);
    ASSERT_TRUE(report.error);
    EXPECT_FALSE(report.cut_short);
    EXPECT_THAT(report.error->what(), testing::HasSubstr("no VM"));
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

/// A run whose test in `line` fails in `repetition`.
RunReport report_of_failure(std::size_t tests, const Parallelism& parallelism,
                            const PlanOrder& order, std::uint64_t repetition, std::uint64_t line) {
    std::vector<PlannedTest> planned = tests_with_cpus({1, 1, 1, 1, 1});
    planned.resize(tests);
    Recorder recorder;
    return report_of(
        planned, parallelism,
        [=](const PlannedTest& test, const auto&) {
            const bool fails = test.repetition == repetition && test.test->line == line;
            return result_of(test, fails ? Verdict::failed : Verdict::passed);
        },
        {}, recorder.steps, order);
}

TEST(Scheduler, TheFirstFailureMayBeTheLastTest) {
    const PlanOrder fail_fast{.until = RunUntil::first_failure};
    const RunReport report = report_of_failure(4, {1, 1}, fail_fast, 1, 1);
    EXPECT_EQ(report.tests.size(), 2U);
    EXPECT_EQ(report.cut_short, CutShort::first_failure);
    EXPECT_EQ(report.not_finished, 2U);
    EXPECT_THAT(report.left_out, ElementsAre("numbered.test_2", "numbered.test_3"));
    EXPECT_EQ(report.shortcoming(), "stopped at the first failure: 2 tests not run");
    EXPECT_FALSE(report_of_failure(4, {1, 1}, fail_fast, 1, 3).cut_short) << "nothing is left out";
    EXPECT_FALSE(report_of_failure(4, {1, 1}, {}, 1, 1).cut_short) << "it was not asked for";
}

TEST(Scheduler, WhatRunsBesideAFailureIsWaitedFor) {
    Recorder recorder;
    Meeting meeting;
    std::atomic<bool> has_failed{false};
    const RunReport report = report_of(tests_with_cpus({1, 1, 1, 1}), {2, 2},
                                       [&](const PlannedTest& test, const std::stop_token& stop) {
                                           meeting.wait_for(2);
                                           if (test.test->line == 0) {
                                               return result_of(test, Verdict::failed);
                                           }
                                           // Until the failure is known, or this never ends.
                                           while (!has_failed && test.test->line == 1) {
                                               std::this_thread::yield();
                                           }
                                           EXPECT_FALSE(stop.stop_requested());
                                           return result_of(test);
                                       },
                                       {},
                                       {.run = {},
                                        .started = recorder.steps.started,
                                        .finished =
                                            [&](const TestResult& result) {
                                                has_failed =
                                                    has_failed || result.verdict == Verdict::failed;
                                                recorder.steps.finished(result);
                                            }},
                                       {.until = RunUntil::first_failure});
    EXPECT_THAT(recorder.ends, ElementsAre(0, 1));
    EXPECT_EQ(report.not_finished, 2U);
}

TEST(Scheduler, UntilATestFailsKeepsTheRepetitionInWhichOneDoes) {
    const PlanOrder until_fail{.repeat = without_end, .until = RunUntil::a_test_fails};
    for (const std::uint32_t jobs : {1U, 3U}) {
        const RunReport report = report_of_failure(3, {jobs, jobs}, until_fail, 17, 1);
        EXPECT_EQ(report.passed_repetitions, 16U);
        EXPECT_EQ(report.summary().failed, 1U);
        ASSERT_GE(report.tests.size(), 2U) << "and what ran beside them";
        EXPECT_EQ(report.tests[0].repetition, 17U);
        EXPECT_EQ(report.tests[1].verdict, Verdict::failed);
    }
    const RunReport last = report_of_failure(3, {1, 1}, until_fail, 2, 2);
    EXPECT_FALSE(last.cut_short) << "the repetition is whole";
    EXPECT_EQ(last.tests.size(), 3U);
    const RunReport first = report_of_failure(3, {1, 1}, until_fail, 2, 0);
    EXPECT_EQ(first.cut_short, CutShort::first_failure);
    EXPECT_EQ(first.not_finished, 2U) << "of the repetition that was begun";
    EXPECT_THAT(first.left_out, ElementsAre("numbered.test_1", "numbered.test_2"));
}

TEST(Scheduler, ARepetitionThatBeganBesideTheFailureIsNotMissed) {
    Recorder recorder;
    Meeting meeting;
    std::atomic<bool> has_failed{false};
    const RunReport report = report_of(
        tests_with_cpus({1, 1}), {2, 2},
        [&](const PlannedTest& test, const auto&) {
            if (test.repetition == 1 && test.test->line == 0) {
                return result_of(test);
            }
            meeting.wait_for(2);  // the last test of one repetition, and the first of the next
            if (test.repetition == 1) {
                return result_of(test, Verdict::failed);
            }
            has_failed.wait(false);
            return result_of(test);
        },
        {},
        {.run = {},
         .started = recorder.steps.started,
         .finished =
             [&](const TestResult& result) {
                 if (result.verdict == Verdict::failed) {
                     has_failed = true;
                     has_failed.notify_all();
                 }
             }},
        {.repeat = without_end, .until = RunUntil::a_test_fails});
    EXPECT_EQ(report.tests.size(), 3U);
    EXPECT_FALSE(report.cut_short);
    EXPECT_EQ(report.not_finished, 0U);
}

TEST(Scheduler, UntilATestFailsMayEndWithoutAFailure) {
    const RunReport report =
        report_of_failure(3, {1, 1}, {.repeat = 1000, .until = RunUntil::a_test_fails}, 0, 0);
    EXPECT_EQ(report.passed_repetitions, 1000U);
    EXPECT_EQ(report.tests.size(), 3U);
    EXPECT_EQ(report.tests.front().repetition, 1000U);
    EXPECT_EQ(report.not_finished, 0U);
}

TEST(Scheduler, AStopAmidARepetitionLeavesTheLastWholeOne) {
    for (const std::uint64_t repetition : {1U, 5U}) {
        Recorder recorder;
        std::stop_source stop;
        const RunReport report =
            report_of(tests_with_cpus({1, 1, 1}), {1, 1},
                      [&](const PlannedTest& test, const auto&) {
                          TestResult result = result_of(test);
                          if (test.repetition == repetition && test.test->line == 1) {
                              stop.request_stop();
                              result.interrupted = true;
                          }
                          return result;
                      },
                      stop.get_token(), recorder.steps,
                      {.repeat = without_end, .until = RunUntil::a_test_fails});
        EXPECT_EQ(report.cut_short, CutShort::interrupted);
        EXPECT_EQ(report.passed_repetitions, repetition - 1);
        EXPECT_EQ(report.tests.size(), repetition == 1 ? 1U : 3U);
        EXPECT_EQ(report.not_finished, repetition == 1 ? 2U : 0U);
        EXPECT_EQ(report.tests.front().repetition, repetition == 1 ? 1U : 4U);
    }
}

TEST(Scheduler, AStopBetweenRepetitionsIsOne) {
    for (const std::uint64_t repeat : {without_end, std::uint64_t{3}}) {
        Recorder recorder;
        std::stop_source stop;
        const RunReport report = report_of(tests_with_cpus({1, 1}), {1, 1},
                                           [&](const PlannedTest& test, const auto&) {
                                               if (test.repetition == 3 && test.test->line == 1) {
                                                   stop.request_stop();
                                               }
                                               return result_of(test);
                                           },
                                           stop.get_token(), recorder.steps,
                                           {.repeat = repeat, .until = RunUntil::a_test_fails});
        EXPECT_EQ(report.cut_short.has_value(), repeat == without_end) << "3 were all";
        EXPECT_EQ(report.passed_repetitions, 3U);
        EXPECT_EQ(report.tests.size(), 2U);
        EXPECT_EQ(report.not_finished, 0U);
    }
}

TEST(Scheduler, WhatIsAlwaysSkippedIsNotRepeatedWithoutEnd) {
    Recorder recorder;
    const RunReport report =
        report_of(tests_with_cpus({1, 1}), {1, 1},
                  [](const auto& test, const auto&) { return result_of(test, Verdict::skipped); },
                  {}, recorder.steps, {.repeat = without_end, .until = RunUntil::a_test_fails});
    EXPECT_EQ(report.summary().skipped, 2U);
    EXPECT_FALSE(report.cut_short);
}

TEST(Scheduler, RepetitionsThatWereNotRunAreCounted) {
    Recorder recorder;
    std::stop_source stop;
    const RunReport report = report_of(tests_with_cpus({1, 1}), {1, 1},
                                       [&](const PlannedTest& test, const auto&) {
                                           stop.request_stop();
                                           return result_of(test);
                                       },
                                       stop.get_token(), recorder.steps, {.repeat = 1'000'000});
    EXPECT_EQ(report.tests.size(), 1U);
    EXPECT_EQ(report.not_finished, 1'999'999U);
    EXPECT_THAT(report.left_out, ElementsAre("numbered.test_0", "numbered.test_1"));
}

}  // namespace
}  // namespace nestbed::vmm
