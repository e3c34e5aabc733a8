// The exit codes of `nestbed`, as a table for its help, and which kind of error is which.
#pragma once

#include "vmm/base/error.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

enum class ExitCode : int {
    success = 0,
    test_failed = 1,
    bad_input = 2,
    host_lacks = 3,
    host_failed = 4,
    internal_error = 5,
    flaky = 6,
    out_of_time = 124,  ///< as timeout(1) has it
    interrupted = 130,  ///< by the shell's convention for SIGINT
};

inline constexpr char exit_code_help[] =
    "Exit codes:\n"
    "  0    all passed\n"
    "  1    a test failed, or every test was skipped; a measurement became slower than\n"
    "       compare --threshold allows\n"
    "  2    wrong usage, a bad input file, or nothing to run\n"
    "  3    the host lacks it: no usable KVM (nestbed doctor says why), no nested\n"
    "       machine, no huge pages\n"
    "  4    the host failed: a system call was refused, or a file could not be read\n"
    "       or written\n"
    "  5    a bug of nestbed\n"
    "  6    all passed, but some only when they were run again (--fail-on-flaky)\n"
    "  124  --time-limit ended the run\n"
    "  130  interrupted\n";

constexpr ExitCode exit_code_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage:
        case ErrorKind::input:
            return ExitCode::bad_input;
        case ErrorKind::host_lacks:
            return ExitCode::host_lacks;
        case ErrorKind::kernel_refused:
        case ErrorKind::io:
            return ExitCode::host_failed;
        case ErrorKind::ours:
            return ExitCode::internal_error;
    }
    return ExitCode::internal_error;
}

/// What comes of tests that passed only when they were run again.
enum class FlakyTests { pass, fail };

/// Of a report without errors. Where all tests were skipped, nothing was shown to work; of a shard,
/// the others may have shown it.
inline ExitCode exit_code_of(const RunReport& report, FlakyTests flaky) {
    const Summary summary = report.summary();
    if (report.cut_short == CutShort::interrupted) {
        return ExitCode::interrupted;
    }
    if (report.cut_short == CutShort::time_limit) {
        return ExitCode::out_of_time;
    }
    const bool may_be_nothing = report.nothing_to_run || !report.shard.empty();
    if (summary.failed != 0 || (summary.passed == 0 && !may_be_nothing)) {
        return ExitCode::test_failed;
    }
    return flaky == FlakyTests::fail && summary.flaky != 0 ? ExitCode::flaky : ExitCode::success;
}

}  // namespace nestbed::vmm
