#include "vmm/base/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t gap = 2;

std::string finished(std::string line, std::size_t indent) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line.empty() ? "\n" : std::string(indent, ' ') + line + "\n";
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

Table Table::without_empty_columns() const {
    Table result = *this;
    for (std::size_t c = columns_.size(); c-- > 0;) {
        if (std::ranges::all_of(rows_, [&](const auto& row) { return row[c].empty(); })) {
            const auto at = static_cast<std::ptrdiff_t>(c);
            result.columns_.erase(result.columns_.begin() + at);
            for (auto& row : result.rows_) {
                row.erase(row.begin() + at);
            }
        }
    }
    return result;
}

std::vector<std::size_t> Table::widths() const {
    std::vector<std::size_t> result;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        std::size_t width = width_of(columns_[c].title);
        for (const auto& row : rows_) {
            width = std::max(width, width_of(row[c]));
        }
        result.push_back(width);
    }
    return result;
}

std::string Table::line(const std::vector<std::string>& cells,
                        const std::vector<std::size_t>& widths) const {
    std::string result;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        const std::string padding(widths[c] - width_of(cells[c]), ' ');
        result += c == 0 ? "" : std::string(gap, ' ');
        result += columns_[c].align == Align::right ? padding + cells[c] : cells[c] + padding;
    }
    return result;
}

std::string Table::group_line(const std::vector<std::size_t>& widths) const {
    std::string result;
    for (std::size_t c = 0; c < columns_.size();) {
        std::size_t end = c;
        std::size_t width = 0;
        for (; end < columns_.size() && columns_[end].group == columns_[c].group; ++end) {
            width += widths[end] + (end == c ? 0 : gap);
        }
        const std::string& group = columns_[c].group;
        result += (c == 0 ? "" : std::string(gap, ' ')) +
                  (group.empty() ? std::string(width, ' ')
                                 : fmt::format("{:-^{}}", " " + group + " ", width));
        c = end;
    }
    return result;
}

std::string Table::text(std::size_t indent) const {
    const std::vector<std::size_t> column_widths = widths();
    std::vector<std::string> titles;
    std::ranges::transform(columns_, std::back_inserter(titles), &Column::title);
    std::string result;
    if (std::ranges::any_of(columns_, [](const Column& column) { return !column.group.empty(); })) {
        result += finished(group_line(column_widths), indent);
    }
    if (std::ranges::any_of(titles, [](const std::string& title) { return !title.empty(); })) {
        result += finished(line(titles, column_widths), indent);
    }
    for (const auto& row : rows_) {
        result += finished(line(row, column_widths), indent);
    }
    return result;
}

}  // namespace nestbed::vmm
