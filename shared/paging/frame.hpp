#pragma once

#include <compare>
#include <cstdint>

#include "address.hpp"
#include "level.hpp"
#include "page_size.hpp"
#include "result.hpp"

namespace nestbed::paging {

template <Level L>
class Entry;

/// A page frame: physical memory of one page size, aligned to it, below 2^52.
///
/// Holding a `Frame` means that its address fits an entry as it is; nothing is left to mask.
template <PageSize Size>
class Frame {
  public:
    static constexpr PageSize size = Size;

    /// The frame that starts at the address. Errors: `unaligned`, `out_of_range` (above 52 bits).
    static constexpr Result<Frame> from(PhysAddr start) {
        constexpr std::uint64_t in_range = (std::uint64_t{1} << architectural_physical_bits) - 1;
        if ((start.raw() & ~(in_range & ~offset_mask_of(Size))) != 0) [[unlikely]] {
            return Error{
                .kind = start.is_aligned(Size) ? ErrorKind::out_of_range : ErrorKind::unaligned,
                .phys = start};
        }
        return Frame(start);
    }

    /// The frame that the address lies in. Errors: `out_of_range` (above 52 bits).
    static constexpr Result<Frame> containing(PhysAddr address) {
        if (!PhysAddr::within(address.raw(), architectural_physical_bits)) {
            return Error{.kind = ErrorKind::out_of_range, .phys = address};
        }
        return Frame(address.align_down(Size));
    }

    /// A frame known when compiling; a wrong address does not compile.
    template <std::uint64_t address>
    static constexpr Frame at() {
        static_assert((address & offset_mask_of(Size)) == 0, "the frame's address is unaligned");
        static_assert((address >> architectural_physical_bits) == 0, "above 52 bits");
        return Frame(PhysAddr(address));
    }

    /// The first byte.
    constexpr PhysAddr address() const { return start_; }
    /// The address divided by the size in bytes.
    constexpr std::uint64_t number() const { return start_.raw() >> shift_of(Size); }

    friend constexpr auto operator<=>(Frame, Frame) = default;

  private:
    // Decoding cuts the address out with the field's mask, which leaves nothing to check.
    template <Level>
    friend class Entry;

    constexpr explicit Frame(PhysAddr start) : start_(start) {}

    PhysAddr start_;
};

using Frame4k = Frame<PageSize::size_4k>;
using Frame2m = Frame<PageSize::size_2m>;
using Frame1g = Frame<PageSize::size_1g>;

/// The frame of the root table that a CR3 value points to; the bits around the address (PCID or
/// PWT and PCD below, LAM above) are not part of it. Intel SDM Vol. 3A 4.5.2 "Use of CR3 with
/// Ordinary 4-Level Paging and 5-Level Paging".
constexpr Frame4k root_of_cr3(std::uint64_t cr3) {
    constexpr std::uint64_t address_bits = (std::uint64_t{1} << architectural_physical_bits) - 1;
    return *Frame4k::containing(PhysAddr(cr3 & address_bits));
}

}  // namespace nestbed::paging
