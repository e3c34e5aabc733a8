#include "vmm/run/scheduler.hpp"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

/// The state that the workers share; everything but `stop_` is guarded by `mutex_`, and the error
/// by `error_mutex_`.
class SideBySide {
  public:
    SideBySide(const std::vector<PlannedTest>& plan, const Parallelism& parallelism,
               const RunSteps& steps, const std::stop_token& stop, RunReport& report)
        : plan_(plan),
          parallelism_(parallelism),
          steps_(steps),
          report_(report),
          free_slots_(parallelism.slots),
          results_(plan.size()),
          outer_stop_(stop, [this] { stop_.request_stop(); }) {}

    /// Returns when all have ended.
    void run() {
        // This thread is one of the workers: a single test costs no thread.
        const std::size_t workers = std::min<std::size_t>(parallelism_.jobs, plan_.size());
        std::vector<std::jthread> threads;
        attempt([&] {
            for (std::size_t n = 1; n < workers; ++n) {
                threads.emplace_back([&] { work(); });
            }
        });
        work();
        threads.clear();
        // What finished behind a test that did not was not reported yet.
        while (reported_ < results_.size()) {
            report_next();
        }
        report_.not_finished = plan_.size() - report_.tests.size();
        report_.error = error_.get();
        report_.interrupted = report_.not_finished != 0 && !report_.error;
    }

  private:
    std::uint32_t weight(std::size_t index) const {
        return std::clamp<std::uint32_t>(plan_[index].cpus, 1, parallelism_.slots);
    }

    void work() {
        while (const auto index = take_next()) {
            std::optional<TestResult> result;
            attempt([&] { result = steps_.run(plan_[*index], stop_.get_token()); });
            put_back(*index, std::move(result));
        }
    }

    /// Waits for room for the next test of the plan. Only the next one may start, so a test that
    /// needs many slots is not overtaken for ever by those that need few.
    std::optional<std::size_t> take_next() {
        std::unique_lock lock(mutex_);
        room_.wait(lock, stop_.get_token(),
                   [&] { return next_ == plan_.size() || weight(next_) <= free_slots_; });
        if (next_ == plan_.size() || stop_.stop_requested()) {
            return std::nullopt;
        }
        const std::size_t index = next_++;
        free_slots_ -= weight(index);
        room_.notify_all();  // another worker may have room for what is next now
        attempt([&] { steps_.started(plan_[index]); });
        return index;
    }

    void put_back(std::size_t index, std::optional<TestResult> result) {
        const std::lock_guard lock(mutex_);
        free_slots_ += weight(index);
        room_.notify_all();
        if (result && !result->interrupted) {
            results_[index] = std::move(result);
        }
        while (reported_ < results_.size() && results_[reported_]) {
            report_next();
        }
    }

    void report_next() {
        if (std::optional<TestResult>& result = results_[reported_++]) {
            attempt([&] { steps_.finished(*result); });
            report_.tests.push_back(std::move(*result));
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

    const std::vector<PlannedTest>& plan_;
    const Parallelism parallelism_;
    const RunSteps& steps_;
    RunReport& report_;

    std::mutex mutex_;
    std::condition_variable_any room_;
    std::uint32_t free_slots_;
    std::size_t next_ = 0;                            ///< first test that was not started
    std::size_t reported_ = 0;                        ///< first test that was not reported
    std::vector<std::optional<TestResult>> results_;  ///< of those from there on
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

void run_side_by_side(const std::vector<PlannedTest>& plan, const Parallelism& parallelism,
                      const RunSteps& steps, const std::stop_token& stop, RunReport& report) {
    SideBySide(plan, parallelism, steps, stop, report).run();
}

}  // namespace nestbed::vmm
