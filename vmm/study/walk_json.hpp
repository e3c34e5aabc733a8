// What `nestbed measure walk` found, as JSON: figures, model and fits beside each other.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "vmm/study/walk_result.hpp"

namespace nestbed::vmm {

/// `{"rows": [...], "misses": [...]}`.
nlohmann::ordered_json json_of(const std::vector<WalkResult>& results);

}  // namespace nestbed::vmm
