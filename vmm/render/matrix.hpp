// Several runs of the same suites side by side: suite × environment.
#pragma once

#include <span>
#include <string>

#include "vmm/base/text.hpp"
#include "vmm/render/result_file.hpp"

namespace nestbed::vmm {

/// The table, what each environment is, and every failed or skipped test with its reason.
std::string matrix_text(std::span<const ResultFile> environments, std::size_t width = any_width);

/// True if every environment finished its run and in none a test failed or all were skipped.
bool all_passed(std::span<const ResultFile> environments);

}  // namespace nestbed::vmm
