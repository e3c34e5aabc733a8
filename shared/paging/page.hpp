#pragma once

#include <compare>
#include <cstdint>

#include "address.hpp"
#include "page_size.hpp"
#include "result.hpp"

namespace nestbed::paging {

/// A page: linear addresses of one page size, aligned to it.
///
/// Whether it is canonical depends on the paging mode, which the mapper knows and checks.
template <PageSize Size>
class Page {
  public:
    static constexpr PageSize size = Size;

    /// The page that starts at the address. Errors: `unaligned`.
    static constexpr Result<Page> from(VirtAddr start) {
        if (!start.is_aligned(Size)) {
            return Error{.kind = ErrorKind::unaligned, .virt = start};
        }
        return Page(start);
    }

    /// The page that the address lies in.
    static constexpr Page containing(VirtAddr address) { return Page(address.align_down(Size)); }

    /// A page known when compiling; a wrong address does not compile.
    template <std::uint64_t address>
    static constexpr Page at() {
        static_assert((address & offset_mask_of(Size)) == 0, "the page's address is unaligned");
        return Page(VirtAddr(address));
    }

    /// The first byte.
    constexpr VirtAddr address() const { return start_; }

    friend constexpr auto operator<=>(Page, Page) = default;

  private:
    constexpr explicit Page(VirtAddr start) : start_(start) {}

    VirtAddr start_;
};

using Page4k = Page<PageSize::size_4k>;
using Page2m = Page<PageSize::size_2m>;
using Page1g = Page<PageSize::size_1g>;

}  // namespace nestbed::paging
