#include "vmm/diagnose/page_walk.hpp"

#include <fmt/format.h>

#include <iterator>

#include "shared/paging/bits.hpp"
#include "shared/paging/describe.hpp"
#include "vmm/diagnose/exception_text.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

using paging::Access;
using paging::AccessMode;
using paging::AccessType;
using paging::ControlState;
using paging::entry_name_of;
using paging::EntryKind;
using paging::Level;
using paging::Permission;
using paging::WalkOutcome;
using paging::WalkResult;
using paging::WalkStep;

namespace bits = paging::bits;

/// What all entries together grant.
std::string permission_text(Permission permission) {
    std::string text = "read";
    if (contains(permission, Permission::write)) {
        text += " write";
    }
    if (contains(permission, Permission::execute)) {
        text += " execute";
    }
    return text +
           (contains(permission, Permission::user) ? ", user and supervisor" : ", supervisor only");
}

/// The names of the entries on the way that have none of the bits `wanted`, or all of `unwanted`.
template <typename Denies>
std::string entries_that(const WalkResult& result, Denies denies) {
    std::string text;
    for (const WalkStep& step : result.trace) {
        if (denies(step.raw)) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", entry_name_of(step.level));
        }
    }
    return text;
}

/// Why an access to a page that is there is forbidden: the bits, and the entries that have them.
/// Empty if what the walk knows does not forbid it.
std::string refusal_text(const WalkResult& result, Access access, const ControlState& state) {
    const auto clear = [&](std::uint64_t bit) {
        return entries_that(result, [bit](std::uint64_t raw) { return (raw & bit) == 0; });
    };
    const bool by_user = access.mode == AccessMode::user;
    const std::string supervisor_only = clear(bits::user);
    std::string text;
    const auto add = [&](const std::string& reason) {
        text += (text.empty() ? "" : "; ") + reason;
    };
    if (by_user && !supervisor_only.empty()) {
        add("U/S = 0 in " + supervisor_only);
    }
    if (access.type == AccessType::fetch) {
        const std::string no_execute =
            entries_that(result, [](std::uint64_t raw) { return (raw & bits::no_execute) != 0; });
        if (!no_execute.empty()) {
            add("NX = 1 in " + no_execute);
        }
        if (!by_user && state.smep && supervisor_only.empty()) {
            add("CR4.SMEP, and it is a user page");
        }
        return text;
    }
    if (!by_user && state.smap && !state.ac && supervisor_only.empty()) {
        add("CR4.SMAP, and it is a user page");
    }
    const std::string read_only = clear(bits::writable);
    if (access.type == AccessType::write && (by_user || state.wp) && !read_only.empty()) {
        add("R/W = 0 in " + read_only);
    }
    return text;
}

std::string fault_text(const WalkResult& result, Access access, const ControlState& state) {
    std::string text =
        fmt::format("#PF error code {:#x}: {}", result.error.raw(), page_fault_text(result.error));
    const WalkStep& last = result.trace.back();
    if (result.error.reserved()) {
        text += fmt::format(": {} of the {}",
                            reserved_bits_text(last.level, last.reserved, state.format),
                            entry_name_of(last.level));
    } else if (!result.error.present()) {
        text += fmt::format(": P = 0 in {}", entry_name_of(last.level));
    } else if (const std::string refusal = refusal_text(result, access, state); !refusal.empty()) {
        text += ": " + refusal;
    }
    return text;
}

std::string outcome_text(const GuestMemory& memory, const WalkResult& result, Access access,
                         const ControlState& state) {
    switch (result.outcome) {
        case WalkOutcome::translated: {
            const auto& translation = result.translation;
            const std::uint64_t physical = translation.address.raw();
            return fmt::format("physical {:#x}{} (a {} page: {})", physical,
                               memory.at(physical, 1) == nullptr ? ", outside guest memory" : "",
                               name_of(translation.size), permission_text(translation.permission));
        }
        case WalkOutcome::page_fault:
            return fault_text(result, access, state);
        case WalkOutcome::non_canonical:
            return "not canonical: #GP (#SS through the stack), no entry is read";
        case WalkOutcome::entry_outside_memory:
            return "this entry would be outside guest memory";
    }
    return "?";
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

std::string reserved_bits_text(Level level, std::uint64_t reserved,
                               const paging::EntryFormat& format) {
    std::string text;
    const auto take = [&](std::uint64_t mask, const std::string& name) {
        if ((reserved & mask) != 0) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
            reserved &= ~mask;
        }
    };
    take(bits::no_execute, "NX (bit 63, since EFER.NXE = 0)");
    take(bits::range(format.maxphyaddr, paging::architectural_physical_bits - 1),
         fmt::format("bits 51:{} (above MAXPHYADDR)", format.maxphyaddr));
    take(bits::page_size, "PS (bit 7)");
    take(bits::global, "G (bit 8)");
    if (paging::can_be_leaf(level)) {
        take(bits::range(13, paging::index_shift_of(level) - 1),
             fmt::format("bits {}:13 (below a large page's frame)",
                         paging::index_shift_of(level) - 1));
    }
    if (reserved != 0) {
        take(reserved, fmt::format("{:#x}", reserved));
    }
    return text;
}

std::string access_text(Access access) {
    std::string text = access.mode == AccessMode::user ? "user " : "supervisor ";
    switch (access.type) {
        case AccessType::read:
            return text + "read";
        case AccessType::write:
            return text + "write";
        case AccessType::fetch:
            return text + "fetch";
    }
    return text;
}

Access access_of(arch::PageFaultError error, std::uint64_t address, std::uint64_t rip) {
    // Without EFER.NXE and CR4.SMEP a fetch is reported as a read (SDM Vol. 3A 4.7).
    const bool fetch = error.fetch() || (address == rip && !error.write());
    return {.type = fetch           ? AccessType::fetch
                    : error.write() ? AccessType::write
                                    : AccessType::read,
            .mode = error.user() ? AccessMode::user : AccessMode::supervisor};
}

PageWalk walk_page(const GuestMemory& memory, paging::Frame4k root, std::uint64_t address,
                   Access access, const ControlState& state) {
    const paging::WindowReader reader{HostTableWindow(memory)};
    PageWalk walk{paging::walk(reader, root, address, access, state), ""};
    for (const WalkStep& step : walk.result.trace) {
        const bool read = &step != &walk.result.trace.back() ||
                          walk.result.outcome != WalkOutcome::entry_outside_memory;
        fmt::format_to(
            std::back_inserter(walk.text), "{:<5} {:>3} at {:#x}{}\n", entry_name_of(step.level),
            paging::index_of(step.level, paging::VirtAddr(address)), step.entry.raw(),
            read ? fmt::format(": {:016x} {}", step.raw, entry_text(step.level, step.raw)) : "");
    }
    walk.text += fmt::format("=> {}\n", outcome_text(memory, walk.result, access, state));
    return walk;
}

}  // namespace nestbed::vmm
