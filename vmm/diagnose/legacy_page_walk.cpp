#include "vmm/diagnose/legacy_page_walk.hpp"

#include <fmt/format.h>

#include "shared/paging/bits.hpp"
#include "shared/paging/describe.hpp"

namespace nestbed::vmm {

namespace {

using paging::EntryKind;
using paging::Level;

namespace bits = paging::bits;

/// Of a page that an entry of this level maps.
const char* page_size_text(Level level, PagingMode mode) {
    return level == Level::pt ? "4 KiB" : mode == PagingMode::pae ? "2 MiB" : "4 MiB";
}

/// Bits of a PDPTE that are no fault of this walk.
std::string pdpte_flaw_text(const LegacyStep& step, const paging::EntryFormat& format) {
    if (step.level != Level::pdpt || step.entry.reserved == 0) {
        return "";
    }
    return fmt::format(
        " (MOV to CR3 refuses {})",
        reserved_bits_text(step.entry.reserved,
                           {{bits::range(format.maxphyaddr, 63),
                             fmt::format("bits 63:{} (above MAXPHYADDR)", format.maxphyaddr)},
                            {bits::range(5, 8), "bits 8:5"},
                            {bits::range(1, 2), "bits 2:1"}}));
}

std::string legacy_entry_text(const LegacyStep& step, PagingMode mode) {
    if (step.entry.kind == EntryKind::not_present) {
        return "not present";
    }
    const auto flags = paging::describe_flags(step.level, step.entry.flags);
    return step.entry.kind == EntryKind::leaf
               ? fmt::format("{} -> {} page {:#x}", flags.c_str(), page_size_text(step.level, mode),
                             step.entry.address)
               : fmt::format("{} -> table {:#x}", flags.c_str(), step.entry.address);
}

std::string reserved_text_of_pae(std::uint64_t reserved, unsigned width) {
    return reserved_bits_text(
        reserved, {{bits::no_execute, "NX (bit 63, since EFER.NXE = 0)"},
                   {bits::range(width, 62), fmt::format("bits 62:{} (above MAXPHYADDR)", width)},
                   {bits::range(13, 20), "bits 20:13 (below a large page's frame)"}});
}

std::string legacy_reserved_text(const LegacyStep& step, PagingMode mode,
                                 const paging::EntryFormat& format) {
    return step.entry.reserved == 0 ? ""
           : mode == PagingMode::pae
               ? reserved_text_of_pae(step.entry.reserved, format.maxphyaddr)
               : reserved_bits_text(
                     step.entry.reserved,
                     {{bits::range(13, 21), "bits up to 21 (above MAXPHYADDR, of a 4 MiB page)"}});
}

}  // namespace

ShownWalk shown(const LegacyWalk& walk, PagingMode mode, const paging::EntryFormat& format) {
    const bool is_pae = mode == PagingMode::pae;
    ShownWalk result{.outcome = walk.outcome,
                     .steps = {},
                     .physical = walk.address.raw(),
                     .page = page_size_text(walk.trace.back().level, mode),
                     .permission = walk.permission,
                     .error = walk.error};
    for (const LegacyStep& step : walk.trace) {
        result.steps.push_back(
            {.level = step.level,
             .index = step.index,
             .place = step.place.raw(),
             .raw = step.raw,
             .digits = is_pae ? 16 : 8,
             .text = legacy_entry_text(step, mode) + pdpte_flaw_text(step, format),
             .reserved = legacy_reserved_text(step, mode, format),
             .has_rights = !(is_pae && step.level == Level::pdpt)});
    }
    return result;
}

}  // namespace nestbed::vmm
