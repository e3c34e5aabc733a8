// The output formats by name.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "vmm/render/human.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

enum class Format { human, json, junit, tap };

inline constexpr std::array<std::pair<std::string_view, Format>, 4> formats{{
    {"human", Format::human},
    {"json", Format::json},
    {"junit", Format::junit},
    {"tap", Format::tap},
}};

/// The format that a file's name asks for by its ending: .json, .xml (junit), .tap; else human.
Format format_by_name(std::string_view file_name);

std::string render(const RunReport& report, Format format, const HumanStyle& style);

}  // namespace nestbed::vmm
