#include "vmm/diagnose/shown_walk.hpp"

#include <fmt/format.h>

#include "shared/paging/bits.hpp"
#include "shared/paging/describe.hpp"
#include "vmm/diagnose/cpu_text.hpp"

namespace nestbed::vmm {

namespace {

using paging::AccessMode;
using paging::AccessType;
using paging::ControlState;
using paging::entry_name_of;
using paging::Permission;
using paging::WalkOutcome;

/// What all entries together grant.
std::string permission_text(Permission permission) {
    return fmt::format(
        "read{}{}, {}", contains(permission, Permission::write) ? " write" : "",
        contains(permission, Permission::execute) ? " execute" : "",
        contains(permission, Permission::user) ? "user and supervisor" : "supervisor only");
}

/// The names of the entries on the way in which `bit` is `value`.
std::string entries_with(const ShownWalk& walk, std::uint64_t bit, bool value) {
    std::vector<std::string> names;
    for (const ShownStep& step : walk.steps) {
        if (step.has_rights && ((step.raw & bit) != 0) == value) {
            names.emplace_back(entry_name_of(step.level));
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

/// Why an access to a page that is there is forbidden: the bits, and the entries that have them.
/// Empty if what the walk knows does not forbid it.
std::string refusal_text(const ShownWalk& walk, paging::Access access, const ControlState& state) {
    const bool by_user = access.mode == AccessMode::user;
    const bool is_fetch = access.type == AccessType::fetch;
    const std::string supervisor_only = entries_with(walk, paging::bits::user, false);
    const std::string read_only = entries_with(walk, paging::bits::writable, false);
    const std::string no_execute = entries_with(walk, paging::bits::no_execute, true);
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

std::string fault_text(const ShownWalk& walk, paging::Access access, const ControlState& state) {
    std::string text =
        fmt::format("#PF error code {:#x}: {}", walk.error.raw(), page_fault_text(walk.error));
    const ShownStep& last = walk.steps.back();
    if (walk.error.reserved()) {
        text += fmt::format(": {} of the {}", last.reserved, entry_name_of(last.level));
    } else if (!walk.error.present()) {
        text += fmt::format(": P = 0 in {}", entry_name_of(last.level));
    } else if (const std::string refusal = refusal_text(walk, access, state); !refusal.empty()) {
        text += ": " + refusal;
    }
    return text;
}

std::string outcome_text(const ShownWalk& walk, const GuestMemory& memory, paging::Access access,
                         const ControlState& state) {
    switch (walk.outcome) {
        case WalkOutcome::translated:
            return fmt::format(
                "physical {:#x}{} (a {} page: {})", walk.physical,
                memory.at(walk.physical, 1) == nullptr ? ", outside guest memory" : "", walk.page,
                permission_text(walk.permission));
        case WalkOutcome::page_fault:
            return fault_text(walk, access, state);
        case WalkOutcome::non_canonical:
            return "not canonical: #GP (#SS through the stack), no entry is read";
        case WalkOutcome::entry_outside_memory:
            return "this entry would be outside guest memory";
    }
    return "?";
}

}  // namespace

std::string reserved_bits_text(std::uint64_t reserved, std::initializer_list<NamedBits> names) {
    std::vector<std::string> texts;
    for (const NamedBits& bits : names) {
        if ((reserved & bits.mask) != 0) {
            texts.push_back(bits.name);
            reserved &= ~bits.mask;
        }
    }
    if (reserved != 0) {
        texts.push_back(fmt::format("{:#x}", reserved));
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

std::string text_of(const ShownWalk& walk, const GuestMemory& memory, paging::Access access,
                    const ControlState& state, std::optional<arch::PageFaultError> reported) {
    std::string text;
    for (const ShownStep& step : walk.steps) {
        text +=
            fmt::format("{:<5} {:>3} at {:#x}", entry_name_of(step.level), step.index, step.place);
        const bool is_read =
            &step != &walk.steps.back() || walk.outcome != WalkOutcome::entry_outside_memory;
        text += is_read ? fmt::format(": {:0{}x} {}\n", step.raw, step.digits, step.text) : "\n";
    }
    text += fmt::format("=> {}\n", outcome_text(walk, memory, access, state));
    if (reported && (walk.outcome != WalkOutcome::page_fault || walk.error != *reported)) {
        text += fmt::format(
            "but the processor reported error code {:#x}: an entry has changed since, or a stale "
            "translation was used\n",
            reported->raw());
    }
    return text;
}

}  // namespace nestbed::vmm
