// Maps a page, walks to it as the processor would, and unmaps it again; returns 0 if all was right.
#include <cstddef>
#include <cstdint>
#include <nestbed/paging/mapper.hpp>
#include <nestbed/paging/table.hpp>
#include <nestbed/paging/walk.hpp>
#include <optional>
#include <utility>

namespace paging = nestbed::paging;

namespace {

/// Physical memory for tables: an array at physical address `base`.
constexpr std::uint64_t base = 0x10'0000;
paging::Table<paging::Level::pt> memory[8];
std::size_t used = 0;

std::optional<paging::Frame4k> take() {
    if (used == sizeof memory / sizeof memory[0]) {
        return std::nullopt;
    }
    return *paging::Frame4k::from(paging::PhysAddr(base + 4096 * used++));
}

/// How the library sees a table: by its frame.
struct Window {
    std::uint64_t* operator()(paging::Frame4k table) const {
        return memory[(table.address().raw() - base) / 4096].data();
    }
};

struct Source {
    std::optional<paging::Frame4k> allocate_zeroed() { return take(); }
    void free_zeroed(paging::Frame4k /*table*/) {}
};

}  // namespace

int main() {
    using paging::Permission;
    constexpr auto page = paging::Page4k::at<0x7000'0000'1000>();
    constexpr auto frame = paging::Frame4k::at<0x1234'5000>();

    Source source;
    paging::Mapper mapper({.root = *take()}, Window{}, source);
    if (!mapper.map(page, frame, paging::Flags(Permission::read | Permission::user))) {
        return 1;
    }

    const auto walk = [&](paging::AccessType type) {
        return paging::walk(paging::WindowReader(Window{}), mapper.settings().root,
                            page.address().raw() + 0x678, {type, paging::AccessMode::user}, {});
    };
    const auto read = walk(paging::AccessType::read);
    if (read.outcome != paging::WalkOutcome::translated ||
        read.translation.address != frame.address() + 0x678) {
        return 2;
    }
    if (walk(paging::AccessType::write).outcome != paging::WalkOutcome::page_fault) {
        return 3;
    }

    auto stale = mapper.unmap(page);
    if (!stale) {
        return 4;
    }
    // Nobody has this address space loaded, so there is nothing to invalidate.
    const auto freed = std::move(*stale).invalidate([](const auto&... /*what*/) {});
    return freed == frame ? 0 : 5;
}
