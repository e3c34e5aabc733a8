// The paging structures of an address space that the entry library's mapper changes, for the page
// walks of the simulated machine.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "shared/paging/mapper.hpp"
#include "shared/paging/table.hpp"
#include "tests/model/machine.hpp"

namespace nestbed::model {

/// Tables in the host's memory. Their numbers are those of their frames, which lie above all frames
/// of pages.
///
/// What an operation of the mapper stores comes at once: in the scenarios it is all in one table,
/// and none of it waits in a buffer, since what takes translations away are locked instructions. Of
/// the ways to tables, those to the last level are cached.
class MappedTables : public PagingStructures {
  public:
    explicit MappedTables(Machine& machine) : machine_(machine) {}

    struct Window {
        MappedTables* tables;
        std::uint64_t* operator()(paging::Frame4k table) const;
    };
    /// Where they come from, and where they are free.
    struct Source {
        MappedTables* tables;
        std::optional<paging::Frame4k> allocate_zeroed();
        void free_zeroed(paging::Frame4k table) { tables->machine_.free_table(table.number()); }
    };
    auto& mapper() { return mapper_; }

    Way way_to(std::uint64_t page) const override;
    Leaf leaf(std::uint64_t table, std::uint64_t page) const override;
    std::uint64_t pages_per_table() const override { return paging::entries_per_table; }

  private:
    static constexpr std::uint64_t first_number = 1 << 20;

    const std::uint64_t* entries(std::uint64_t number) const {
        return tables_[number - first_number].data();
    }

    Machine& machine_;
    std::deque<paging::Table<paging::Level::pt>> tables_;
    Source source_{this};
    paging::Mapper<Window, Source> mapper_{
        {.root = *source_.allocate_zeroed()}, Window{this}, source_};
};

}  // namespace nestbed::model
