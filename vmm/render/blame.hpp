// Where and why a test failed, in a line.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct Blame {
    std::string file;  ///< of the first expectation that failed, or else of the test
    std::uint64_t line;
    std::string why;  ///< one line; may hold anything that a guest writes
};

/// Of an attempt of the test, which its last one is as well.
Blame blame_of(const TestResult& test, const Attempt& attempt);
inline Blame blame_of(const TestResult& test) { return blame_of(test, test); }

/// "guest/suites/demo.cpp:12: expected a == b, and it is 1 == 2".
std::string text_of(const Blame& blame);

}  // namespace nestbed::vmm
