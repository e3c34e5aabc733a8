#include "vmm/runner/test_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "vmm/channel/record_reader.hpp"
#include "vmm/diagnose/diagnosis.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t memory_granule = 2 << 20;

MachineSettings machine_settings(const GuestTest& test, const TestSettings& settings) {
    MachineSettings result;
    result.cpus = std::max(settings.cpus, test.needs.cpus);
    const std::uint64_t memory = std::max(settings.memory, test.needs.memory);
    result.memory = (memory + memory_granule - 1) / memory_granule * memory_granule;
    result.backing = settings.backing;
    if (test.needs.ring_records != 0) {
        result.ring_records = test.needs.ring_records;
    }
    result.pin = settings.pin;
    result.parameters = settings.parameters;
    return result;
}

/// Sorts what the guest sent into the result.
class EventSorter {
  public:
    explicit EventSorter(TestResult& result) : result_(result) {}

    void operator()(const LogLine& line) {
        result_.log.push_back(fmt::format("[cpu {}] {}", cpu_, line.text));
    }
    void operator()(const FailedExpectation& failure) { result_.failures.push_back(failure); }
    void operator()(const SkipRequest& skip) {
        result_.verdict = Verdict::skipped;
        result_.reason = skip.reason;
    }
    void operator()(const MeasurementEvent& measurement) {
        result_.measurements.push_back(measurement);
    }

    void sort(const std::vector<Event>& events) {
        for (const Event& event : events) {
            cpu_ = event.cpu;
            std::visit(*this, event.what);
        }
    }

  private:
    TestResult& result_;
    std::uint32_t cpu_ = 0;
};

void judge(TestResult& result, const Outcome& outcome, const std::vector<std::string>& violations) {
    if (outcome.ending != Ending::finished) {
        result.verdict = Verdict::failed;
        result.reason = outcome.detail;
    } else if (!violations.empty()) {
        result.verdict = Verdict::failed;
        result.reason = "the record channel is broken: " + violations.front();
    } else if (!result.failures.empty()) {
        result.verdict = Verdict::failed;
        result.reason = fmt::format("{} failed", result.failures.size() == 1
                                                     ? "an expectation"
                                                     : fmt::format("{} expectations",
                                                                   result.failures.size()));
    }
}

}  // namespace

TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop) {
    const auto start = std::chrono::steady_clock::now();
    TestResult result;
    result.suite = test.suite;
    result.name = test.name;
    result.file = test.file;
    result.line = test.line;
    result.verdict = Verdict::passed;

    Machine machine(system, guest, test, machine_settings(test, settings));
    result.cpus = machine.settings().cpus;
    RecordReader records(machine);
    const Outcome outcome =
        machine.run([&](std::uint32_t cpu) { records.drain(cpu); }, settings.timeout, stop);
    EventSorter(result).sort(records.finish());
    judge(result, outcome, records.violations());
    if (outcome.ending != Ending::finished && outcome.ending != Ending::interrupted) {
        const Diagnosis diagnosis = diagnose(machine, guest, outcome, result.log);
        result.reason = diagnosis.summary;
        result.diagnosis = diagnosis.report;
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

}  // namespace nestbed::vmm
