// A table of text with aligned columns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

class Table {
  public:
    enum class Align { left, right };

    struct Column {
        std::string title;
        Align align = Align::right;
        /// Stands once above all neighbouring columns that name the same group.
        std::string group = {};
        bool is_key = false;  ///< says which row it is: stands in each block
        /// The last one, of a table without titles: its words go on in the next line.
        bool wraps = false;
        std::vector<std::string> cells = {};  ///< one for each row that was added
    };

    /// Each row has one cell per column.
    explicit Table(std::vector<Column> columns,
                   const std::vector<std::vector<std::string>>& rows = {})
        : columns_(std::move(columns)) {
        for (const std::vector<std::string>& row : rows) {
            add_row(row);
        }
    }

    /// Names and what is to be said of each.
    static Table of_facts() {
        return Table({{.title = "", .align = Align::left},
                      {.title = "", .align = Align::left, .wraps = true}});
    }

    /// One cell per column; missing ones are empty.
    void add_row(std::vector<std::string> cells);

    bool empty() const { return columns_.empty() || columns_.front().cells.empty(); }

    /// The same without the columns in which no row has anything.
    Table without_empty_columns() const;

    /// Every line is indented by `indent` spaces and ended by a line end, without trailing spaces;
    /// blank ones are left out. What is wider than `width` is broken: cells that wrap into lines,
    /// and columns into blocks below each other, with the keys in each, groups together where they
    /// fit, and a blank line between them.
    std::string text(std::size_t indent = 0, std::size_t width = any_width) const;

  private:
    std::string wrapped_text(std::size_t indent, std::size_t room) const;
    std::vector<Table> blocks(std::size_t width) const;
    std::string block_text(std::size_t indent) const;

    std::vector<Column> columns_;
};

}  // namespace nestbed::vmm
