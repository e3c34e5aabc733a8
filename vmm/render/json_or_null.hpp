// What is not known is null in JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace nestbed::vmm {

template <typename T>
nlohmann::ordered_json json_or_null(const std::optional<T>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace nestbed::vmm
