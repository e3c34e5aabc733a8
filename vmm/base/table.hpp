// A table of text with aligned columns.
#pragma once

#include <string>
#include <vector>

namespace nestbed::vmm {

class Table {
  public:
    enum class Align { left, right };

    struct Column {
        std::string title;
        Align align = Align::right;
        /// Stands once above all neighbouring columns that name the same group.
        std::string group = {};
    };

    /// Each row has one cell per column.
    explicit Table(std::vector<Column> columns, std::vector<std::vector<std::string>> rows = {})
        : columns_(std::move(columns)), rows_(std::move(rows)) {}

    /// One cell per column; missing ones are empty.
    void add_row(std::vector<std::string> cells);

    bool empty() const { return rows_.empty(); }

    /// The same without the columns in which no row has anything.
    Table without_empty_columns() const;

    /// Every line indented by `indent` spaces and ended by a line end, without trailing spaces.
    std::string text(std::size_t indent = 0) const;

  private:
    std::vector<std::size_t> widths() const;
    std::string group_line(const std::vector<std::size_t>& widths) const;
    std::string line(const std::vector<std::string>& cells,
                     const std::vector<std::size_t>& widths) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace nestbed::vmm
