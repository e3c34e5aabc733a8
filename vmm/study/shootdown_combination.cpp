#include "vmm/study/shootdown_combination.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

struct Axis {
    const char* title;
    Table::Align align;
    bool always_shown;
    std::string (*cell)(const ShootdownCombination&);
};

std::string text_of(std::uint64_t number) { return fmt::format("{}", number); }

constexpr auto left = Table::Align::left;
constexpr auto right = Table::Align::right;
using Combination = ShootdownCombination;

constexpr std::array<Axis, 8> axes{{
    {"protocol", left, true, [](const Combination& c) { return std::string(name_of(c.protocol)); }},
    {"vCPUs", right, true, [](const Combination& c) { return text_of(c.cpus); }},
    {"pages", right, true, [](const Combination& c) { return text_of(c.pages); }},
    {"target", left, true, [](const Combination& c) { return std::string(name_of(c.target)); }},
    {"routing", left, false, [](const Combination& c) { return std::string(name_of(c.routing)); }},
    {"flush", left, false, [](const Combination& c) { return std::string(name_of(c.flush)); }},
    {"initiators", right, false, [](const Combination& c) { return text_of(c.initiators); }},
    {"spaces", left, false, [](const Combination& c) { return std::string(name_of(c.spaces)); }},
}};

bool is_default(const Axis& axis, const ShootdownCombination& combination) {
    return axis.cell(combination) == axis.cell({});
}

}  // namespace

std::string ShootdownCombination::text() const {
    std::string result =
        fmt::format("{}, {}, {}, target {}", name_of(protocol), counted(cpus, "vCPU"),
                    counted(pages, "page"), name_of(target));
    for (const Axis& axis : axes) {
        if (!axis.always_shown && !is_default(axis, *this)) {
            result += fmt::format(", {} {}", axis.title, axis.cell(*this));
        }
    }
    return result;
}

CombinationColumns::CombinationColumns(const std::vector<ShootdownCombination>& rows) {
    for (std::size_t n = 0; n < axes.size(); ++n) {
        if (axes[n].always_shown ||
            std::ranges::any_of(rows, [&](const auto& row) { return !is_default(axes[n], row); })) {
            shown_.push_back(n);
        }
    }
}

std::vector<Table::Column> CombinationColumns::columns() const {
    std::vector<Table::Column> result;
    for (const std::size_t n : shown_) {
        result.push_back({axes[n].title, axes[n].align});
    }
    return result;
}

std::vector<std::string> CombinationColumns::cells(const ShootdownCombination& combination) const {
    std::vector<std::string> result;
    for (const std::size_t n : shown_) {
        result.push_back(axes[n].cell(combination));
    }
    return result;
}

}  // namespace nestbed::vmm
