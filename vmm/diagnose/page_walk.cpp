#include "vmm/diagnose/page_walk.hpp"

#include <fmt/format.h>

#include <vector>

#include "shared/paging/bits.hpp"
#include "shared/paging/describe.hpp"
#include "vmm/diagnose/cpu_text.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

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
    return fmt::format(
        "read{}{}, {}", contains(permission, Permission::write) ? " write" : "",
        contains(permission, Permission::execute) ? " execute" : "",
        contains(permission, Permission::user) ? "user and supervisor" : "supervisor only");
}

/// The names of the entries on the way in which `bit` is `value`.
std::string entries_with(const WalkResult& result, std::uint64_t bit, bool value) {
    std::vector<std::string> names;
    for (const WalkStep& step : result.trace) {
        if (((step.raw & bit) != 0) == value) {
            names.emplace_back(entry_name_of(step.level));
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

/// Why an access to a page that is there is forbidden: the bits, and the entries that have them.
/// Empty if what the walk knows does not forbid it.
std::string refusal_text(const WalkResult& result, paging::Access access,
                         const ControlState& state) {
    const bool by_user = access.mode == AccessMode::user;
    const bool is_fetch = access.type == AccessType::fetch;
    const std::string supervisor_only = entries_with(result, bits::user, false);
    const std::string read_only = entries_with(result, bits::writable, false);
    const std::string no_execute = entries_with(result, bits::no_execute, true);
    const bool is_user_page = supervisor_only.empty();
    std::vector<std::string> reasons;
    if (by_user && !is_user_page) {
        reasons.push_back("U/S = 0 in " + supervisor_only);
    }
    if (is_fetch && !no_execute.empty()) {
        reasons.push_back("NX = 1 in " + no_execute);
    }
    if (!by_user && is_user_page && (is_fetch ? state.smep : state.smap && !state.ac)) {
        reasons.push_back(fmt::format("CR4.{}, and it is a user page", is_fetch ? "SMEP" : "SMAP"));
    }
    if (access.type == AccessType::write && (by_user || state.wp) && !read_only.empty()) {
        reasons.push_back("R/W = 0 in " + read_only);
    }
    return fmt::format("{}", fmt::join(reasons, "; "));
}

/// Bits that are reserved in an entry, by name: "bits 51:48 (above MAXPHYADDR)", "PS (bit 7)".
std::string reserved_bits_text(Level level, std::uint64_t reserved,
                               const paging::EntryFormat& format) {
    std::vector<std::string> names;
    const auto take = [&](std::uint64_t mask, const std::string& name) {
        if ((reserved & mask) != 0) {
            names.push_back(name);
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
    take(reserved, fmt::format("{:#x}", reserved));
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string fault_text(const WalkResult& result, paging::Access access, const ControlState& state) {
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

std::string outcome_text(const GuestMemory& memory, const WalkResult& result, paging::Access access,
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

std::string show_walk(const GuestMemory& memory, paging::Frame4k root, std::uint64_t address,
                      paging::Access access, const ControlState& state,
                      std::optional<arch::PageFaultError> reported) {
    const paging::WindowReader reader{HostTableWindow{memory}};
    const WalkResult result = paging::walk(reader, root, address, access, state);
    std::string text;
    for (const WalkStep& step : result.trace) {
        text +=
            fmt::format("{:<5} {:>3} at {:#x}", entry_name_of(step.level),
                        paging::index_of(step.level, paging::VirtAddr(address)), step.entry.raw());
        const bool is_read =
            &step != &result.trace.back() || result.outcome != WalkOutcome::entry_outside_memory;
        text += is_read ? fmt::format(": {:016x} {}\n", step.raw, entry_text(step.level, step.raw))
                        : "\n";
    }
    text += fmt::format("=> {}\n", outcome_text(memory, result, access, state));
    if (reported && (result.outcome != WalkOutcome::page_fault || result.error != *reported)) {
        text += fmt::format(
            "but the processor reported error code {:#x}: an entry has changed since, or a stale "
            "translation was used\n",
            reported->raw());
    }
    return text;
}

}  // namespace nestbed::vmm
