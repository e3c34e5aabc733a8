// What a CPU invalidates its translations with, by name.
#pragma once

#include <cstdint>

namespace nestbed::shootdown {

/// The number travels as a guest's parameter. SDM Vol. 3A 4.10.4.1; APM Vol. 2 5.5.3.
enum class FlushPrimitive : std::uint64_t {
    invlpg = 0,              ///< page by page
    cr3 = 1,                 ///< load CR3: all but global translations
    pge = 2,                 ///< toggle CR4.PGE: all
    invpcid_address = 3,     ///< INVPCID type 0, page by page
    invpcid_context = 4,     ///< INVPCID type 1: one PCID, all but global translations
    invpcid_all = 5,         ///< INVPCID type 2: all
    invpcid_non_global = 6,  ///< INVPCID type 3: all PCIDs, all but global translations
};
inline constexpr std::uint64_t flush_primitive_count = 7;

constexpr const char* name_of(FlushPrimitive primitive) {
    switch (primitive) {
        case FlushPrimitive::invlpg:
            return "invlpg";
        case FlushPrimitive::cr3:
            return "cr3";
        case FlushPrimitive::pge:
            return "pge";
        case FlushPrimitive::invpcid_address:
            return "invpcid-address";
        case FlushPrimitive::invpcid_context:
            return "invpcid-context";
        case FlushPrimitive::invpcid_all:
            return "invpcid-all";
        case FlushPrimitive::invpcid_non_global:
            return "invpcid-non-global";
    }
    return "?";
}

/// Whether it takes pages one by one: a request of more pages than a threshold is then cheaper as a
/// flush of everything.
constexpr bool is_by_page(FlushPrimitive primitive) {
    return primitive == FlushPrimitive::invlpg || primitive == FlushPrimitive::invpcid_address;
}

}  // namespace nestbed::shootdown
