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

/// Of a report without errors. Where all tests were skipped, nothing was shown to work.
inline ExitCode exit_code_of(const RunReport& report) {
    const Summary summary = report.summary();
    if (report.interrupted) {
        return ExitCode::interrupted;
    }
    return summary.failed == 0 && summary.passed != 0 ? ExitCode::success : ExitCode::test_failed;
}

}  // namespace nestbed::vmm
