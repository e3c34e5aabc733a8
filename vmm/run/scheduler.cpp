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
    SideBySide(const std::vector<PlannedTest>& plan, std::uint32_t slots, const RunOne& run_one,
               const std::stop_token& stop, const RunObserver& observer)
        : plan_(plan),
          slots_(slots),
          run_one_(run_one),
          observer_(observer),
          free_slots_(slots),
          results_(plan.size()),
          outer_stop_(stop, [this] { stop_.request_stop(); }) {}

    /// Returns when all have ended.
    RunRecord run(std::uint32_t jobs) {
        // This thread is one of the workers: a single test costs no thread.
        const std::size_t workers = std::min<std::size_t>(jobs, plan_.size());
        std::vector<std::jthread> threads;
        attempt([&] {
            for (std::size_t n = 1; n < workers; ++n) {
                threads.emplace_back([&] { work(); });
            }
        });
        work();
        threads.clear();
        // What finished behind a test that did not was not reported yet.
        for (; reported_ < results_.size(); ++reported_) {
            report_next();
        }
        RunRecord record;
        for (std::optional<TestResult>& result : results_) {
            if (result) {
                record.results.push_back(std::move(*result));
            }
        }
        record.not_finished = plan_.size() - record.results.size();
        record.error = error_.get();
        return record;
    }

  private:
    std::uint32_t weight(std::size_t index) const {
        return std::clamp<std::uint32_t>(plan_[index].cpus, 1, slots_);
    }

    void work() {
        while (const auto index = take_next()) {
            std::optional<TestResult> result;
            attempt([&] { result = run_one_(plan_[*index], stop_.get_token()); });
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
        attempt([&] { observer_.started(plan_[index]); });
        return index;
    }

    void put_back(std::size_t index, std::optional<TestResult> result) {
        const std::lock_guard lock(mutex_);
        free_slots_ += weight(index);
        room_.notify_all();
        if (result && !result->interrupted) {
            results_[index] = std::move(result);
        }
        for (; reported_ < results_.size() && results_[reported_]; ++reported_) {
            report_next();
        }
    }

    void report_next() {
        if (results_[reported_]) {
            attempt([&] { observer_.finished(*results_[reported_]); });
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
    const std::uint32_t slots_;
    const RunOne& run_one_;
    const RunObserver& observer_;

    std::mutex mutex_;
    std::condition_variable_any room_;
    std::uint32_t free_slots_;
    std::size_t next_ = 0;      ///< first test that was not started
    std::size_t reported_ = 0;  ///< first test that the observer was not told about
    std::vector<std::optional<TestResult>> results_;
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

RunRecord run_side_by_side(const std::vector<PlannedTest>& plan, const Parallelism& parallelism,
                           const RunOne& run_one, const std::stop_token& stop,
                           const RunObserver& observer) {
    return SideBySide(plan, parallelism.slots, run_one, stop, observer).run(parallelism.jobs);
}

}  // namespace nestbed::vmm
