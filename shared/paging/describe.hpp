#pragma once

#include <cstdint>

#include "address.hpp"
#include "bits.hpp"
#include "entry.hpp"
#include "entry_format.hpp"
#include "level.hpp"
#include "page_size.hpp"
#include "permission.hpp"
#include "result.hpp"
#include "text.hpp"

/// Entries, permissions and errors as text for people, in a guest as on the host.
namespace nestbed::paging {

/// Room for any line that is made here.
using Line = Text<127>;

/// The paging structure of a level.
constexpr const char* name_of(Level level) {
    switch (level) {
        case Level::pt:
            return "PT";
        case Level::pd:
            return "PD";
        case Level::pdpt:
            return "PDPT";
        case Level::pml4:
            return "PML4";
        case Level::pml5:
            return "PML5";
    }
    return "?";
}

/// An entry of the paging structure of a level.
constexpr const char* entry_name_of(Level level) {
    switch (level) {
        case Level::pt:
            return "PTE";
        case Level::pd:
            return "PDE";
        case Level::pdpt:
            return "PDPTE";
        case Level::pml4:
            return "PML4E";
        case Level::pml5:
            return "PML5E";
    }
    return "?";
}

constexpr const char* name_of(PageSize size) {
    switch (size) {
        case PageSize::size_4k:
            return "4 KiB";
        case PageSize::size_2m:
            return "2 MiB";
        case PageSize::size_1g:
            return "1 GiB";
    }
    return "?";
}

/// Four characters for user, read, write and execute, a dash for each that is not granted: "ur-x".
constexpr Text<4> describe(Permission permission) {
    Text<4> text;
    const auto add = [&](Permission granted, char letter) {
        text.append(contains(permission, granted) ? letter : '-');
    };
    add(Permission::user, 'u');
    add(Permission::read, 'r');
    add(Permission::write, 'w');
    add(Permission::execute, 'x');
    return text;
}

/// The bits set in a present entry that mean something in its form, in this order:
/// "P W U PWT PCD A D PS G PAT key=5 NX". Empty if it is not present, since then no bit does.
constexpr Line describe_flags(Level level, std::uint64_t raw) {
    Line line;
    const EntryKind kind = kind_of(level, raw);
    if (kind == EntryKind::not_present) {
        return line;
    }
    const auto add = [&](std::uint64_t bit, const char* name) {
        if ((raw & bit) != 0) {
            line.append(line.empty() ? "" : " ").append(name);
        }
    };
    add(bits::present, "P");
    add(bits::writable, "W");
    add(bits::user, "U");
    add(bits::write_through, "PWT");
    add(bits::cache_disable, "PCD");
    add(bits::accessed, "A");
    if (kind == EntryKind::leaf) {
        add(bits::dirty, "D");
    }
    if (level != Level::pt) {
        add(bits::page_size, "PS");
    }
    if (kind == EntryKind::leaf) {
        add(bits::global, "G");
        add(bits::pat(leaf_size_of(level)), "PAT");
        if (const std::uint64_t key = raw & bits::protection_key; key != 0) {
            line.append(" key=").append_decimal(key >> bits::protection_key_shift);
        }
    }
    add(bits::no_execute, "NX");
    return line;
}

/// One line: "PDE 0x00000000800000e3 leaf 2 MiB -> 0x80000000 P W A D PS",
/// "PML4E 0x0000000000002007 table -> 0x2000 P W U", "PTE 0x0000000000000000 not present".
constexpr Line describe(Level level, std::uint64_t raw) {
    Line line;
    line.append(entry_name_of(level)).append(' ').append_hex(raw, 16);
    const std::uint64_t address = raw & bits::frame_field(level, raw);
    switch (kind_of(level, raw)) {
        case EntryKind::not_present:
            return line.append(" not present");
        case EntryKind::malformed:
            line.append(" malformed");
            break;
        case EntryKind::table:
            line.append(" table -> ").append_hex(address);
            break;
        case EntryKind::leaf:
            line.append(" leaf ").append(name_of(leaf_size_of(level)));
            line.append(" -> ").append_hex(address);
            break;
    }
    return line.append(' ').append(describe_flags(level, raw).c_str());
}

template <Level L>
constexpr Line describe(Entry<L> entry) {
    return describe(L, entry.raw());
}

/// One line of what is known: "unexpected leaf: level PD, linear 0x40200000, physical 0x80000000".
constexpr Line describe(const Error& error) {
    Line line;
    line.append(name_of(error.kind));
    const char* separator = ": ";
    const auto begin = [&](const char* name) -> Line& {
        line.append(separator).append(name);
        separator = ", ";
        return line;
    };
    if (error.level) {
        begin("level ").append(name_of(*error.level));
    }
    if (error.virt) {
        begin("linear ").append_hex(error.virt->raw());
    }
    if (error.phys) {
        begin("physical ").append_hex(error.phys->raw());
    }
    return line;
}

}  // namespace nestbed::paging
