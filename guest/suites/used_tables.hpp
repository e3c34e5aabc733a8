// Tables that were freed, used again: whoever still walks them goes astray.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "guest/suites/user_access.hpp"
#include "shared/paging/entry.hpp"
#include "shared/paging/live_entry.hpp"

namespace nestbed::guest {

/// Another use, while it exists, of the tables that were freed last: every way through them ends in
/// a frame whose entries lead to itself, so that whoever still goes that way does not fault.
class UsedTables {
  public:
    explicit UsedTables(std::size_t tables) : count_(tables), trap_(*frames().allocate_zeroed()) {
        std::uint64_t* const entries = in_direct_map(trap_.address());
        for (std::size_t n = 0; n < paging::entries_per_table; ++n) {
            paging::store_entry(entries[n], paging::Pte::leaf(trap_, user_data).raw());
        }
        for (std::size_t n = 0; n < count_; ++n) {
            tables_[n] = frames().allocate_zeroed();
            std::memcpy(in_direct_map(tables_[n]->address()), entries,
                        paging::bytes_of(paging::PageSize::size_4k));
        }
    }
    ~UsedTables() {
        frames().free(trap_);
        for (std::size_t n = 0; n < count_; ++n) {
            frames().free(*tables_[n]);
        }
    }
    UsedTables(const UsedTables&) = delete;
    UsedTables& operator=(const UsedTables&) = delete;

  private:
    std::array<std::optional<paging::Frame4k>, 3> tables_{};
    std::size_t count_;
    paging::Frame4k trap_;
};

}  // namespace nestbed::guest
