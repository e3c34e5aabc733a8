// Results to make reports from.
#pragma once

#include <initializer_list>
#include <string>

#include "vmm/result/run_report.hpp"

namespace nestbed::vmm::test {

inline TestResult passed(const std::string& suite, const std::string& name) {
    TestResult result;
    result.suite = suite;
    result.name = name;
    result.file = "guest/suites/" + suite + ".cpp";
    result.line = 7;
    result.cpus = 2;
    result.tsc_khz = 2'000'000;
    result.verdict = Verdict::passed;
    result.seconds = 0.0125;
    return result;
}

inline TestResult skipped(const std::string& suite, const std::string& name,
                          const std::string& reason) {
    TestResult result = passed(suite, name);
    result.verdict = Verdict::skipped;
    result.reason = reason;
    return result;
}

/// One expectation did not hold; the guest wrote a line.
inline TestResult failed(const std::string& suite, const std::string& name) {
    TestResult result = passed(suite, name);
    result.verdict = Verdict::failed;
    result.reason = "an expectation failed";
    result.failures.push_back({"guest/suites/" + suite + ".cpp", 12, "a == b", "1 == 2"});
    result.log = {"[cpu 0] before it failed"};
    return result;
}

/// It failed, and died when it was run again, before it passed.
inline TestResult flaky(const std::string& suite, const std::string& name) {
    TestResult result = passed(suite, name);
    Attempt& first = result.failed_attempts.emplace_back();
    first.reason = "an expectation failed";
    first.seconds = 0.5;
    first.failures = {{"guest/suites/" + suite + ".cpp", 12, "a == b", "1 == 2"}};
    first.log = {"[cpu 0] before it failed"};
    Attempt& second = result.failed_attempts.emplace_back();
    second.reason = "triple fault";
    second.seconds = 0.25;
    second.diagnosis = "vCPU 0: ended the run\n";
    return result;
}

/// The guest died.
inline TestResult crashed(const std::string& suite, const std::string& name) {
    TestResult result = passed(suite, name);
    result.verdict = Verdict::failed;
    result.reason = "triple fault (KVM_EXIT_SHUTDOWN)";
    result.diagnosis = "vCPU 0: ended the run\n  registers\n    rax 0\n";
    return result;
}

/// Of a guest that is not ours: a check of every kind, and more that were left out.
inline TestResult foreign(const std::string& suite, const std::string& name) {
    TestResult result = passed(suite, name);
    result.exit_value = 1;
    for (std::size_t kind = 0; kind < SubResult::kinds; ++kind) {
        const SubResult check{static_cast<SubResult::Kind>(kind), "check " + std::to_string(kind)};
        result.sub_results.all.push_back(check);
        result.sub_results.counts.add(check);
    }
    result.sub_results.counts.of[0] += 1'000;
    result.sub_results.left_out = 1'000;
    result.verdict = Verdict::failed;
    result.reason = "2 of 1006 checks failed: check 1";
    return result;
}

/// No VM could be made.
inline TestResult not_run(const std::string& suite, const std::string& name) {
    TestResult result = passed(suite, name);
    result.verdict = Verdict::failed;
    result.error = Error(ErrorKind::kernel_refused, "KVM_CREATE_VM failed: <no> memory");
    result.reason = result.error->what();
    return result;
}

inline stats::Histogram histogram_of(std::initializer_list<std::uint64_t> values) {
    stats::Histogram histogram;
    for (const std::uint64_t value : values) {
        histogram.record(value);
    }
    return histogram;
}

inline RunReport report_of(std::initializer_list<TestResult> tests) {
    RunReport report;
    report.command = {"nestbed", "run"};
    report.tests = tests;
    report.seconds = 1.5;
    return report;
}

}  // namespace nestbed::vmm::test
