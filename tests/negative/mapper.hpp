// A mapper for the cases, which are compiled but never run.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "shared/paging/mapper.hpp"

namespace nestbed::paging {

struct Window {
    std::uint64_t* operator()(Frame4k table) const;
};

struct Source {
    std::optional<Frame4k> allocate_zeroed();
    void free_zeroed(Frame4k table);
};

using AnyMapper = Mapper<Window, Source>;

inline constexpr auto page_4k = Page4k::at<0x4000'0000>();
inline constexpr auto page_2m = Page2m::at<0x4000'0000>();
inline constexpr auto frame_4k = Frame4k::at<0x4000'0000>();
inline constexpr auto frame_2m = Frame2m::at<0x4000'0000>();
inline constexpr auto frame_1g = Frame1g::at<0x4000'0000>();
inline constexpr Flags flags(Permission::read);
inline constexpr AddressSpaceId space{frame_4k};

/// Invalidates anything.
struct AnyInvalidator {
    void operator()(const Invalidation& request) const;
};

}  // namespace nestbed::paging
