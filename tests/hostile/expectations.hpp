// What is expected of each hostile test, whatever else is run beside it.
#pragma once

#include <string_view>
#include <vector>

namespace nestbed::test {

/// Of all tests that the first pattern to fit them is of.
struct Expectation {
    std::string_view tests;        ///< "ring.head_*": as --filter has it
    std::string_view verdict;      ///< alternatives, as in a regular expression
    std::string_view reason = "";  ///< a regular expression for a part of it
};

/// Every test is of one of these, and each of these has a test.
const std::vector<Expectation>& expectations();

/// Null if there is none.
const Expectation* expectation_of(std::string_view test);

/// Whether the test's full name fits the pattern: `*` stands for any characters.
bool fits(std::string_view test, std::string_view pattern);

}  // namespace nestbed::test
