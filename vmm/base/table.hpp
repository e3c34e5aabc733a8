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

    /// One cell per column; missing ones are empty.
    void add_row(std::vector<std::string> cells);

    bool empty() const { return columns_.empty() || columns_.front().cells.empty(); }

    /// The same without the columns in which no row has anything.
    Table without_empty_columns() const;

    /// Every line is indented by `indent` spaces and ended by a line end, without trailing spaces;
    /// blank ones are left out.
    std::string text(std::size_t indent = 0) const;

  private:
    std::vector<Column> columns_;
};

}  // namespace nestbed::vmm
