#include "vmm/diagnose/page_walk.hpp"

#include <fmt/format.h>

#include "shared/paging/bits.hpp"
#include "shared/paging/describe.hpp"
#include "vmm/diagnose/legacy_page_walk.hpp"
#include "vmm/diagnose/shown_walk.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

using paging::EntryKind;
using paging::Level;

namespace bits = paging::bits;

std::string reserved_text(Level level, std::uint64_t reserved, const paging::EntryFormat& format) {
    const unsigned frame = paging::index_shift_of(level);
    const std::uint64_t below_frame =
        paging::can_be_leaf(level) ? bits::range(13, frame - 1) : std::uint64_t{0};
    return reserved_bits_text(
        reserved,
        {{bits::no_execute, "NX (bit 63, since EFER.NXE = 0)"},
         {bits::range(format.maxphyaddr, paging::architectural_physical_bits - 1),
          fmt::format("bits 51:{} (above MAXPHYADDR)", format.maxphyaddr)},
         {bits::page_size, "PS (bit 7)"},
         {bits::global, "G (bit 8)"},
         {below_frame, fmt::format("bits {}:13 (below a large page's frame)", frame - 1)}});
}

ShownWalk shown(const paging::WalkResult& walk, paging::VirtAddr address,
                const paging::EntryFormat& format) {
    ShownWalk result{.outcome = walk.outcome,
                     .steps = {},
                     .physical = walk.translation.address.raw(),
                     .page = name_of(walk.translation.size),
                     .permission = walk.translation.permission,
                     .error = walk.error};
    for (const paging::WalkStep& step : walk.trace) {
        result.steps.push_back({.level = step.level,
                                .index = paging::index_of(step.level, address),
                                .place = step.entry.raw(),
                                .raw = step.raw,
                                .digits = 16,
                                .text = entry_text(step.level, step.raw),
                                .reserved = reserved_text(step.level, step.reserved, format)});
    }
    return result;
}

}  // namespace

std::string entry_text(Level level, std::uint64_t raw) {
    const auto flags = paging::describe_flags(level, raw);
    const std::uint64_t address = raw & bits::frame_field(level, raw);
    switch (paging::kind_of(level, raw)) {
        case EntryKind::not_present:
            return "not present";
        case EntryKind::malformed:
            return fmt::format("{} -> no page can be this large", flags.c_str());
        case EntryKind::table:
            return fmt::format("{} -> table {:#x}", flags.c_str(), address);
        case EntryKind::leaf:
            return fmt::format("{} -> {} page {:#x}", flags.c_str(),
                               name_of(paging::leaf_size_of(level)), address);
    }
    return "?";
}

std::string show_walk(const GuestMemory& memory, const PagingState& paging, std::uint64_t address,
                      paging::Access access, const paging::ControlState& state,
                      std::optional<arch::PageFaultError> reported) {
    if (paging.mode == PagingMode::none) {
        return fmt::format("=> physical {:#x}: there is no paging\n", paging.linear(address));
    }
    if (!is_long_mode(paging.mode)) {
        const auto linear = static_cast<std::uint32_t>(address);
        const LegacyWalk walk = legacy_walk(memory, paging, linear, access, state);
        return text_of(shown(walk, paging.mode, state.format), memory, access, state, reported);
    }
    const paging::WindowReader reader{HostTableWindow{memory}};
    const paging::WalkResult walk =
        paging::walk(reader, paging::root_of_cr3(paging.cr3), address, access, state);
    return text_of(shown(walk, paging::VirtAddr(address), state.format), memory, access, state,
                   reported);
}

}  // namespace nestbed::vmm
