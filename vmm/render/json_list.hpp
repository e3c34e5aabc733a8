// `nestbed list --json`: which tests there are, for programs.
#pragma once

#include <string>

#include "vmm/run/selection.hpp"

namespace nestbed::vmm {

/// As docs/list.schema.json has it.
std::string json_list(const SelectedTests& selected);

}  // namespace nestbed::vmm
