#include "vmm/base/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

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

std::string padded(const Table::Column& column, const std::string& cell, std::size_t width) {
    const std::string padding(width - width_of(cell), ' ');
    return column.align == Table::Align::right ? padding + cell : cell + padding;
}

/// Without spaces at its end; nothing if it is blank.
std::string ended(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line.empty() ? "" : line + "\n";
}

/// Of a column that words are wrapped in: lines of a few, and the longest of them.
std::size_t least_width_of(const std::string& words) {
    constexpr std::size_t enough = 32;
    std::size_t least = std::min(enough, width_of(words));
    for (const std::string_view word : split(words, ' ')) {
        least = std::max(least, width_of(word));
    }
    return least;
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

std::string Table::wrapped_text(std::size_t indent, std::size_t room) const {
    const Column& words = columns_.back();
    const std::span others = std::span(columns_).first(columns_.size() - 1);
    const std::size_t taken = width_of_columns({others.begin(), others.end()});
    std::vector<std::size_t> widths(others.size());
    std::ranges::transform(others, widths.begin(), column_width);
    std::string text;
    for (std::size_t row = 0; row < words.cells.size(); ++row) {
        std::string line(indent, ' ');
        for (std::size_t n = 0; n < others.size(); ++n) {
            line += padded(others[n], others[n].cells[row], widths[n]) + std::string(gap);
        }
        // Where there is hardly any room beside the others, the words are below them.
        const bool are_below = room < taken + least_width_of(words.cells[row]);
        const std::size_t before = are_below ? gap.size() : taken;
        if (are_below || words.cells[row].empty()) {
            text += ended(line);
            line.assign(indent + before, ' ');
        }
        for (const std::string& part : wrapped(words.cells[row], room - std::min(room, before))) {
            text += ended(line + part);
            line.assign(indent + before, ' ');
        }
    }
    return text;
}

std::string Table::text(std::size_t indent, std::size_t width) const {
    std::string text;
    const std::size_t room = width - std::min(width, indent);
    if (width != any_width && !columns_.empty() && columns_.back().wraps) {
        return wrapped_text(indent, room);
    }
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
            lines[n] += padded(column, cell, width) + std::string(gap);
        }
    }
    std::string result;
    for (const std::string& line : lines) {
        result += ended(line);
    }
    return result;
}

}  // namespace nestbed::vmm
