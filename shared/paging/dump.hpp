#pragma once

#include <concepts>
#include <cstdint>

#include "bits.hpp"
#include "describe.hpp"
#include "mappings.hpp"
#include "page_range.hpp"
#include "text.hpp"

namespace nestbed::paging {

/// Pages that follow each other in linear and in physical memory, of one size and one kind: one
/// line of a dump. Accessed and dirty may differ and are counted.
struct MappingRun {
    MappedPage first{};
    std::uint64_t pages = 0;
    std::uint64_t accessed = 0;
    std::uint64_t dirty = 0;

    constexpr std::uint64_t bytes() const { return pages << shift_of(first.size); }

    constexpr bool goes_on_with(const MappedPage& page) const {
        return page.page == first.page + bytes() && page.frame == first.frame + bytes() &&
               page.size == first.size && page.granted == first.granted &&
               page.flags == first.flags;
    }

    constexpr void add(const MappedPage& page) {
        if (pages == 0) {
            first = page;
        }
        ++pages;
        accessed += (page.raw & bits::accessed) != 0 ? 1 : 0;
        dirty += (page.raw & bits::dirty) != 0 ? 1 : 0;
    }
};

/// One line: "0x0000000000400000-0x0000000000403fff  16 KiB by 4 KiB  ur-x -> 0x9000  A 2 D 0",
/// with PAT, PCD, PWT, G and the protection key where they are set.
constexpr Line describe(const MappingRun& run) {
    constexpr std::size_t sizes_column = 39;
    constexpr std::size_t permission_column = 59;
    Line line;
    line.append_hex(run.first.page.raw(), 16).append('-');
    line.append_hex(run.first.page.raw() + (run.bytes() - 1), 16).pad_to(sizes_column);
    line.append_size(run.bytes()).append(" by ").append(name_of(run.first.size));
    line.pad_to(permission_column).append(describe(run.first.granted).c_str());
    line.append(" -> ").append_hex(run.first.frame.raw());
    line.append("  A ").append_decimal(run.accessed).append(" D ").append_decimal(run.dirty);
    const Flags flags = run.first.flags;
    line.append(flags.pat() ? " PAT" : "").append(flags.cache_disable() ? " PCD" : "");
    line.append(flags.write_through() ? " PWT" : "").append(flags.global() ? " G" : "");
    if (flags.protection_key() != 0) {
        line.append(" key=").append_decimal(flags.protection_key());
    }
    return line;
}

/// Calls `out(const char*)` with a line for each run of mapped pages of a range, and with the error
/// at which it had to stop, if there is one.
template <TableWindow Window, std::invocable<const char*> Out>
constexpr void dump(const Window& window, Frame4k root, LinearWidth width, const PageRange& range,
                    Out&& out) {
    MappingRun run;
    const auto end_run = [&] {
        if (run.pages != 0) {
            out(describe(run).c_str());
            run = {};
        }
    };
    const auto done = for_each_mapping(window, root, width, range, [&](const MappedPage& page) {
        if (!run.goes_on_with(page)) {
            end_run();
        }
        run.add(page);
    });
    end_run();
    if (!done) {
        out(describe(done.error()).c_str());
    }
}

/// The same for all canonical addresses, the lower half first.
template <TableWindow Window, std::invocable<const char*> Out>
constexpr void dump(const Window& window, Frame4k root, LinearWidth width, Out&& out) {
    dump(window, root, width, lower_half(width), out);
    dump(window, root, width, upper_half(width), out);
}

}  // namespace nestbed::paging
