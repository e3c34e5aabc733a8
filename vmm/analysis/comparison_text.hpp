// A comparison for a person.
#pragma once

#include <string>

#include "vmm/analysis/compare.hpp"

namespace nestbed::vmm {

/// A table, whose rows have a line for the id and one for the figures, and below it what else is to
/// be said.
std::string comparison_text(const Comparison& comparison);

}  // namespace nestbed::vmm
