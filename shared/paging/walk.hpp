#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "../arch/page_fault.hpp"
#include "access.hpp"
#include "access_rights.hpp"
#include "address.hpp"
#include "bits.hpp"
#include "entry_format.hpp"
#include "flags.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "live_entry.hpp"
#include "permission.hpp"
#include "result.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// How a walk reads the 8-byte entry at a physical address; nothing if there is no memory.
template <typename R>
concept EntryReader = requires(R& read, PhysAddr entry) {
    { read(entry) } -> std::same_as<std::optional<std::uint64_t>>;
};

/// Reads entries through a `TableWindow`.
template <TableWindow Window>
class WindowReader {
  public:
    constexpr explicit WindowReader(Window window) : window_(window) {}

    constexpr std::optional<std::uint64_t> operator()(PhysAddr entry) const {
        const Result<Frame4k> table = Frame4k::containing(entry);
        std::uint64_t* entries = table ? window_(*table) : nullptr;
        if (entries == nullptr) {
            return std::nullopt;
        }
        return load_entry(entries[entry.offset_in(PageSize::size_4k) / entry_bytes]);
    }

  private:
    Window window_;
};

/// How a walk ends.
enum class WalkOutcome : std::uint8_t {
    translated,            ///< `translation` holds the result.
    page_fault,            ///< #PF with `error`.
    non_canonical,         ///< #GP(0), or #SS(0) through the stack segment; no entry was read.
    entry_outside_memory,  ///< The last step's entry is no memory; its `raw` was not read.
};

/// One entry on the way, from the root down.
struct WalkStep {
    Level level = Level::pt;
    PhysAddr entry{};
    /// The entry as read.
    std::uint64_t raw = 0;
    /// The entry as the processor leaves it after a walk that translates: accessed at each level,
    /// dirty in the leaf of a write. After a fault it is `raw`, though a processor may have set
    /// accessed in the entries above the one that faulted (Intel SDM Vol. 3A 4.8).
    std::uint64_t updated = 0;
    /// The bits set in `raw` that are reserved; not 0 in the last step of such a fault only.
    std::uint64_t reserved = 0;
};

/// Where an access that is allowed goes.
struct Translation {
    /// The address of the byte itself, not of its page.
    PhysAddr address{};
    PageSize size = PageSize::size_4k;
    /// What all levels together grant; whether the access at hand may use it is more (WP, SMAP...).
    Permission permission = Permission::none;
    /// The leaf's own flags: its memory type, global, key; its permission is the leaf's alone.
    Flags leaf_flags{Permission::none};
};

/// The entries that a walk looked at, from the root down: a range of `WalkStep`.
class WalkTrace {
  public:
    constexpr const WalkStep* begin() const { return steps_; }
    constexpr const WalkStep* end() const { return steps_ + count_; }
    constexpr WalkStep* begin() { return steps_; }
    constexpr WalkStep* end() { return steps_ + count_; }
    constexpr std::size_t size() const { return count_; }
    constexpr bool empty() const { return count_ == 0; }
    /// The step last added; there must be one.
    constexpr WalkStep& back() { return steps_[count_ - 1]; }
    constexpr const WalkStep& back() const { return steps_[count_ - 1]; }

    /// For the walk, which adds at most one step per level.
    constexpr void add(const WalkStep& step) { steps_[count_++] = step; }

  private:
    WalkStep steps_[max_levels] = {};
    std::size_t count_ = 0;
};

/// The result of a walk and the way it took.
struct WalkResult {
    WalkOutcome outcome = WalkOutcome::non_canonical;
    /// Set if `outcome` is translated.
    Translation translation{};
    /// Set if `outcome` is page_fault.
    arch::PageFaultError error{};
    WalkTrace trace{};
};

/// An executable model of how the processor translates a linear address with 4-level or 5-level
/// paging: to a translation or to the exact page-fault error code.
///
/// It reads tables from memory only, as a processor with empty TLBs and paging-structure caches
/// would, and writes nothing: `WalkStep::updated` says what the processor would. Not modelled:
/// shadow stacks, HLAT, LAM, SGX.
///
/// `linear` is raw, since a program can use any 64-bit value. Intel SDM Vol. 3A 4.5 to 4.8.
template <EntryReader Reader>
constexpr WalkResult walk(Reader&& read, Frame4k root, std::uint64_t linear, Access access,
                          const ControlState& state) {
    WalkResult result;
    if (!is_canonical(linear, state.width())) {
        return result;
    }
    Level level = root_level_of(state.width());
    const VirtAddr address(linear);
    const arch::PageFaultError access_error = access_bits(access, state);
    Permission granted =
        Permission::read | Permission::write | Permission::user | Permission::execute;
    PhysAddr table = root.address();

    for (;; level = below(level)) {
        const PhysAddr entry = table + index_of(level, address) * entry_bytes;
        const std::optional<std::uint64_t> read_raw = read(entry);
        const std::uint64_t raw = read_raw.value_or(0);
        result.trace.add({.level = level, .entry = entry, .raw = raw, .updated = raw});
        if (!read_raw) {
            result.outcome = WalkOutcome::entry_outside_memory;
            return result;
        }
        const EntryKind kind = kind_of(level, raw);
        if (kind == EntryKind::not_present) {
            result.outcome = WalkOutcome::page_fault;
            result.error = access_error;
            return result;
        }
        const std::uint64_t reserved = raw & reserved_bits(level, raw, state.format);
        if (reserved != 0) {
            result.trace.back().reserved = reserved;
            result.outcome = WalkOutcome::page_fault;
            result.error = access_error.with(arch::PageFaultError::present_bit |
                                             arch::PageFaultError::reserved_bit);
            return result;
        }
        granted = granted & permission_of(raw);
        if (kind == EntryKind::leaf) {
            break;
        }
        table = PhysAddr(raw & bits::table_frame);
    }

    const PageSize size = leaf_size_of(level);
    const std::uint64_t leaf = result.trace.back().raw;
    const Flags flags = Flags::of_leaf(size, leaf);
    const bool key_violated =
        key_forbids(flags.protection_key(), contains(granted, Permission::user), access, state);
    if (key_violated || rights_forbid(granted, access, state)) {
        result.outcome = WalkOutcome::page_fault;
        result.error = access_error.with(arch::PageFaultError::present_bit);
        if (key_violated) {
            result.error = result.error.with(arch::PageFaultError::protection_key_bit);
        }
        return result;
    }
    result.outcome = WalkOutcome::translated;
    result.translation = {
        .address = PhysAddr((leaf & bits::leaf_frame(size)) | address.offset_in(size)),
        .size = size,
        .permission = granted,
        .leaf_flags = flags,
    };
    for (WalkStep& step : result.trace) {
        step.updated = step.raw | bits::accessed;
    }
    if (access.type == AccessType::write) {
        result.trace.back().updated |= bits::dirty;
    }
    return result;
}

}  // namespace nestbed::paging
