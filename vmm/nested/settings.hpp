// The nested machine as it is asked for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nestbed::vmm {

/// What translates guest addresses in it.
enum class NestedPaging { npt, shadow, ept };

inline constexpr std::array<std::pair<std::string_view, NestedPaging>, 3> nested_pagings{{
    {"npt", NestedPaging::npt},
    {"shadow", NestedPaging::shadow},
    {"ept", NestedPaging::ept},
}};

struct NestedSettings {
    NestedPaging paging = NestedPaging::npt;
    std::uint32_t cpus = 2;
    std::optional<std::uint64_t> memory;  ///< bytes; nothing: the emulator's default
    bool five_level = false;              ///< its kernel, and with it the second stage
    std::string cpu_model;                ///< empty: the emulator's default
};

}  // namespace nestbed::vmm
