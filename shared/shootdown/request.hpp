// What a shootdown is to invalidate.
#pragma once

#include "../paging/page_range.hpp"

namespace nestbed::shootdown {

using paging::PageRange;

/// Pages of one address space, or everything. A value, which one CPU hands to others; compare
/// paging::Invalidation, which refers to its caller's ranges.
struct Request {
    PageRange pages{};          ///< Unless `everything`.
    bool everything = false;    ///< All translations of the space, global ones included.
    bool frees_tables = false;  ///< Paging structures are freed when it is done.

    constexpr Request() = default;
    /// These pages, and no table is freed.
    constexpr Request(const PageRange& range) : pages(range) {}

    friend constexpr bool operator==(const Request&, const Request&) = default;
};

}  // namespace nestbed::shootdown
