#include "vmm/base/table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::string_view gap = "  ";

using Columns = std::vector<Table::Column>;

std::size_t column_width(const Table::Column& column) {
    std::size_t width = width_of(column.title);
    for (const std::string& cell : column.cells) {
        width = std::max(width, width_of(cell));
    }
    return width;
}

/// The gap behind the last one included.
std::size_t width_of_columns(const Columns& columns) {
    std::size_t width = 0;
    for (const Table::Column& column : columns) {
        width += column_width(column) + gap.size();
    }
    return width;
}

/// What stays together of those that are no keys: groups, or single columns of one that has no
/// room.
std::vector<Columns> pieces_of(const Columns& columns, std::size_t room) {
    std::vector<Columns> groups;
    for (const Table::Column& column : columns) {
        const bool goes_on =
            !groups.empty() && !column.group.empty() && groups.back().front().group == column.group;
        if (!column.is_key) {
            (goes_on ? groups.back() : groups.emplace_back()).push_back(column);
        }
    }
    std::vector<Columns> pieces;
    for (const Columns& group : groups) {
        if (width_of_columns(group) <= room) {
            pieces.push_back(group);
            continue;
        }
        for (const Table::Column& column : group) {
            pieces.push_back({column});
        }
    }
    return pieces;
}

std::string group_line(const std::vector<Table::Column>& columns) {
    std::string line;
    for (auto column = columns.begin(); column != columns.end();) {
        const std::string& group = column->group;
        std::size_t width = column_width(*column);
        while (++column != columns.end() && column->group == group) {
            width += gap.size() + column_width(*column);
        }
        line += group.empty() ? std::string(width, ' ')
                              : fmt::format("{:-^{}}", " " + group + " ", width);
        line += gap;
    }
    return line;
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        columns_[c].cells.push_back(std::move(cells[c]));
    }
}

Table Table::without_empty_columns() const {
    Table result = *this;
    std::erase_if(result.columns_, [](const Column& column) {
        return std::ranges::all_of(column.cells, &std::string::empty);
    });
    return result;
}

std::vector<Table> Table::blocks(std::size_t width) const {
    Columns keys = columns_;
    std::erase_if(keys, [](const Column& column) { return !column.is_key; });
    const std::size_t left = width - std::min(width, width_of_columns(keys));
    std::vector<Columns> blocks{keys};
    for (const Columns& piece : pieces_of(columns_, left)) {
        if (blocks.back().size() > keys.size() &&
            width_of_columns(blocks.back()) + width_of_columns(piece) > width) {
            blocks.push_back(keys);
        }
        blocks.back().insert(blocks.back().end(), piece.begin(), piece.end());
    }
    std::vector<Table> tables;
    for (Columns& block : blocks) {
        tables.emplace_back(Columns()).columns_ = std::move(block);
    }
    return tables;
}

std::string Table::text(std::size_t indent, std::size_t width) const {
    std::string text;
    const std::size_t room = width - std::min(width, indent);
    for (const Table& block : blocks(width == any_width ? any_width : room + gap.size())) {
        text += (text.empty() ? "" : "\n") + block.block_text(indent);
    }
    return text;
}

std::string Table::block_text(std::size_t indent) const {
    const std::string margin(indent, ' ');
    std::vector<std::string> lines{margin + group_line(columns_)};
    for (const Column& column : columns_) {
        const std::size_t width = column_width(column);
        lines.resize(2 + column.cells.size(), margin);
        for (std::size_t n = 1; n < lines.size(); ++n) {
            const std::string& cell = n == 1 ? column.title : column.cells[n - 2];
            const std::string padding(width - width_of(cell), ' ');
            lines[n] += column.align == Align::right ? padding + cell : cell + padding;
            lines[n] += gap;
        }
    }
    std::string result;
    for (std::string& line : lines) {
        line.erase(line.find_last_not_of(' ') + 1);
        result += line.empty() ? "" : line + "\n";
    }
    return result;
}

}  // namespace nestbed::vmm
