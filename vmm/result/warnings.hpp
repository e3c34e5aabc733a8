// What to know of a measurement before its figures are believed.
#pragma once

#include <string>
#include <vector>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// As JSON has it.
const char* name_of(Warning::Kind kind);

/// For whoever reads a table: what it means, and what to do.
const char* explanation_of(Warning::Kind kind);

/// Beside a row: "84 % stolen, few samples"; empty without any.
std::string marks_of(const std::vector<Warning>& warnings);

/// Of each of a test's measurements, anew.
void find_warnings(TestResult& test);

}  // namespace nestbed::vmm
