// What tests of the program expect of its exit codes and of what it writes.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "tests/program/process.hpp"

namespace nestbed::test {

inline constexpr int success = 0;
inline constexpr int test_failed = 1;
inline constexpr int bad_input = 2;
inline constexpr int host_lacks = 3;
inline constexpr int host_failed = 4;
inline constexpr int interrupted = 130;

/// An error is one line on standard error, and nothing on standard output.
inline void expect_one_line_error(const ProcessResult& result, int exit_code) {
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, testing::StartsWith("nestbed: "));
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    EXPECT_THAT(result.out, testing::IsEmpty());
}

/// Waits until the process has written `text`.
inline void wait_for_output(const Process& process, const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (process.out_so_far().find(text) == std::string::npos &&
           std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

}  // namespace nestbed::test
