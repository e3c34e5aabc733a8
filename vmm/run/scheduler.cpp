#include "vmm/run/scheduler.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "vmm/base/thread.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/result/test_result_bytes.hpp"
#include "vmm/run/kept_results.hpp"

namespace nestbed::vmm {

namespace {

/// The state that the workers share; everything but `stop_` is guarded by `mutex_`, and the error
/// by `error_mutex_`.
class SideBySide {
  public:
    SideBySide(Plan& plan, const Parallelism& parallelism, const RunSteps& steps,
               const std::stop_token& stop, RunReport& report)
        : plan_(plan),
          parallelism_(parallelism),
          steps_(steps),
          report_(report),
          free_slots_(parallelism.slots),
          free_memory_(parallelism.memory),
          kept_(ends_with_a_failure(RunUntil::a_test_fails), plan.tests().size()),
          outer_stop_(stop, [this] { stop_.request_stop(); }) {}

    /// Returns when all have ended.
    void run() {
        // This thread is one of the workers: a single test costs no thread.
        const std::uint64_t workers = std::min<std::uint64_t>(parallelism_.jobs, plan_.size());
        std::vector<std::jthread> threads;
        attempt([&] {
            for (std::uint64_t n = 1; n < workers; ++n) {
                threads.push_back(
                    start_thread("that runs tests (ask for fewer with --jobs)", [&] { work(); }));
            }
        });
        work();
        threads.clear();
        // What finished behind a test that did not was not reported yet.
        std::vector<PlannedTest> unfinished;
        for (; !begun_.empty(); begun_.pop_front()) {
            if (begun_.front().result) {
                report_first();
            } else {
                unfinished.push_back(begun_.front().test);
            }
        }
        report_left_out(std::move(unfinished));
        kept_.move_to(report_);
    }

  private:
    struct Begun {
        PlannedTest test;
        std::optional<TestResult> result;
        std::uint64_t bytes = 0;  ///< of the result
    };

    bool ends_with_a_failure(RunUntil until) const { return plan_.order().until == until; }

    std::uint32_t weight(const PlannedTest& test) const {
        return std::clamp<std::uint32_t>(test.cpus, 1, parallelism_.slots);
    }

    /// One that needs more than there is, or may be, is to say so by itself.
    std::uint64_t memory_of(const PlannedTest& test) const {
        return std::min(test.memory, parallelism_.memory);
    }

    /// Results wait for that of a test which began before theirs and takes its time: not for more
    /// of them than there is memory for.
    bool has_room(const PlannedTest& test) const {
        constexpr std::uint64_t most_waiting_bytes = 64U << 20;
        return weight(test) <= free_slots_ && memory_of(test) <= free_memory_ &&
               waiting_bytes_ <= most_waiting_bytes;
    }

    void work() {
        while (Begun* begun = take_next()) {
            std::optional<TestResult> result;
            attempt([&] { result = steps_.run(begun->test, stop_.get_token()); });
            put_back(*begun, std::move(result));
        }
    }

    /// Waits for room for the next test of the plan. Only the next one may start, so a test that
    /// needs many slots is not overtaken for ever by those that need few.
    Begun* take_next() {
        std::unique_lock lock(mutex_);
        room_.wait(lock, stop_.get_token(), [&] {
            if (!next_ && !is_enough_) {
                next_ = plan_.next();
            }
            return is_enough_ || !next_ || has_room(*next_);
        });
        if (is_enough_ || !next_ || stop_.stop_requested()) {
            return nullptr;
        }
        // A deque: others that are begun or done with stay where they are.
        Begun& begun = begun_.emplace_back(Begun{*std::exchange(next_, std::nullopt), {}});
        free_slots_ -= weight(begun.test);
        free_memory_ -= memory_of(begun.test);
        room_.notify_all();  // another worker may have room for what is next now
        attempt([&] { steps_.started(begun.test); });
        return &begun;
    }

    void put_back(Begun& begun, std::optional<TestResult> result) {
        const std::lock_guard lock(mutex_);
        free_slots_ += weight(begun.test);
        free_memory_ += memory_of(begun.test);
        room_.notify_all();
        if (result && !result->interrupted) {
            const bool has_failed = result->verdict == Verdict::failed;
            retry_interrupted_ = retry_interrupted_ || result->retry_interrupted;
            is_enough_ = is_enough_ || (has_failed && !ends_with_a_failure(RunUntil::done));
            begun.bytes = bytes_of(*result).size();
            waiting_bytes_ += begun.bytes;
            begun.result = std::move(result);
        }
        for (; !begun_.empty() && begun_.front().result; begun_.pop_front()) {
            report_first();
        }
    }

    void report_first() {
        TestResult& result = *begun_.front().result;
        attempt([&] { steps_.finished(result); });
        waiting_bytes_ -= begun_.front().bytes;
        attempt([&] {
            kept_.add(std::move(result));
            is_enough_ = is_enough_ || kept_.are_all_skipped();
        });
    }

    /// How the run ended, and what it left out.
    void report_left_out(std::vector<PlannedTest> left) {
        if (next_) {
            left.push_back(*next_);
        }
        std::ranges::copy(plan_.left_of_repetition(), std::back_inserter(left));
        const std::uint64_t later = plan_.count_of_later_repetitions();
        const bool is_all_done = left.empty() && later == 0 && !retry_interrupted_;
        const std::uint64_t missed_later = kept_.miss_later_repetitions() ? later : 0;
        std::erase_if(left, [&](const PlannedTest& test) { return !kept_.miss(test.repetition); });
        report_.not_finished = left.size() + missed_later;
        std::set<std::string> names;
        for (const PlannedTest& test : missed_later == 0 ? left : plan_.tests()) {
            names.insert(test.test->full_name());
        }
        report_.left_out = {names.begin(), names.end()};
        report_.error = error_.get();
        if (report_.error) {
            return;
        }
        if (stop_.stop_requested() && !is_all_done) {
            report_.cut_short = CutShort::interrupted;
        } else if (report_.not_finished != 0) {
            report_.cut_short = CutShort::first_failure;
        }
    }

    /// An error ends the run.
    template <typename Step>
    void attempt(const Step& step) {
        FirstError error;
        error.attempt(step);
        if (error.get()) {
            const std::lock_guard lock(error_mutex_);
            error_.keep(*error.get());
            stop_.request_stop();
        }
    }

    Plan& plan_;
    const Parallelism parallelism_;
    const RunSteps& steps_;
    RunReport& report_;

    std::mutex mutex_;
    std::condition_variable_any room_;
    std::uint32_t free_slots_;
    std::uint64_t free_memory_;
    std::uint64_t waiting_bytes_ = 0;  ///< of results in `begun_`
    std::optional<PlannedTest> next_;  ///< of the plan; has not begun
    std::deque<Begun> begun_;          ///< and not reported yet
    bool is_enough_ = false;           ///< nothing more is begun
    bool retry_interrupted_ = false;   ///< of a test that has failed
    KeptResults kept_;
    std::mutex error_mutex_;
    FirstError error_;

    std::stop_source stop_;
    std::stop_callback<std::function<void()>> outer_stop_;
};

}  // namespace

Parallelism parallelism(std::uint32_t jobs) {
    if (jobs == 0) {
        const auto cores = static_cast<std::uint32_t>(usable_host_cpus().size());
        return {cores, cores};
    }
    return {jobs, std::numeric_limits<std::uint32_t>::max()};
}

void run_side_by_side(Plan& plan, const Parallelism& parallelism, const RunSteps& steps,
                      const std::stop_token& stop, RunReport& report) {
    SideBySide(plan, parallelism, steps, stop, report).run();
}

}  // namespace nestbed::vmm
