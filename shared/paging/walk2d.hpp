#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "access.hpp"
#include "address.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "page_size.hpp"
#include "second_stage.hpp"
#include "walk.hpp"
#include "walk_ept.hpp"

namespace nestbed::paging {

/// How a two-dimensional walk ends.
enum class Walk2dOutcome : std::uint8_t {
    translated,           ///< `address` and `size` hold the result.
    guest_page_fault,     ///< #PF in the guest with `guest.error`.
    guest_non_canonical,  ///< #GP(0) or #SS(0) in the guest; nothing was read.
    second_stage_fault,   ///< An exit to the hypervisor; `last` says where and which.
    outside_memory,  ///< An entry, the guest's or of the second stage, is no memory; see `last`.
};

/// How many entries a walk read.
struct MemoryReferences {
    std::size_t guest = 0;         ///< Entries of the guest's tables.
    std::size_t second_stage = 0;  ///< Entries of the second stage.

    constexpr std::size_t total() const { return guest + second_stage; }

    friend constexpr bool operator==(const MemoryReferences&, const MemoryReferences&) = default;
};

/// One translation of a guest-physical address by the second stage, on behalf of a walk.
template <typename Details>
struct SecondStageTranslation {
    /// The level of the guest's entry that was to be accessed; nothing if it was the final address.
    std::optional<Level> guest_level{};
    PhysAddr guest_physical{};
    GuestPhysicalAccess access{};
    SecondStageResult<Details> result{};
};

/// The result of a two-dimensional walk and the way it took.
template <typename Details>
struct Walk2dResult {
    Walk2dOutcome outcome = Walk2dOutcome::guest_non_canonical;
    /// The host-physical address of the byte itself. Set if `outcome` is translated.
    PhysAddr address{};
    /// The size of the memory around it that one TLB entry can map: the smaller of the guest's page
    /// and the second stage's. Set if `outcome` is translated.
    PageSize size = PageSize::size_4k;
    /// The guest's half, all its addresses guest-physical. If it was cut short by the second stage,
    /// its outcome is `entry_outside_memory`, and the last step was not read.
    WalkResult guest{};
    /// The second stage's last translation: the one that failed, or else that of the final address.
    /// After a guest page fault, that of the entry which faulted. Unset if nothing was read.
    SecondStageTranslation<Details> last{};
    MemoryReferences references{};
};

namespace detail {

/// Reads through another reader and counts.
template <EntryReader Reader>
struct CountingReader {
    Reader& read;
    std::size_t& count;

    constexpr std::optional<std::uint64_t> operator()(PhysAddr entry) const {
        ++count;
        return read(entry);
    }
};

/// Makes one two-dimensional walk: the guest's half is `walk`, each address of which passes through
/// the second stage here.
template <EntryReader Reader, SecondStage Stage>
class Walker2d {
  public:
    using Result = Walk2dResult<typename Stage::Details>;

    constexpr Walker2d(Reader& read, const Stage& stage, Result& result)
        : read_(read), stage_(stage), result_(result) {}

    constexpr void walk(Frame4k guest_root, std::uint64_t linear, Access access,
                        const ControlState& state) {
        const auto read_guest = [this](PhysAddr entry) { return read_guest_entry(entry); };
        result_.guest = paging::walk(read_guest, guest_root, linear, access, state);
        if (!result_.guest.trace.empty()) {
            result_.last.guest_level = result_.guest.trace.back().level;
        }
        result_.outcome = outcome(access);
    }

  private:
    constexpr std::optional<std::uint64_t> read_guest_entry(PhysAddr entry) {
        const GuestPhysicalAccess access = {.purpose = AccessPurpose::table_entry};
        if (!translate(entry, access, result_.references.second_stage)) {
            return std::nullopt;
        }
        ++result_.references.guest;
        return read_(result_.last.result.address);
    }

    /// Passes an address through the second stage and counts the entries read in `count`.
    constexpr bool translate(PhysAddr guest_physical, GuestPhysicalAccess access,
                             std::size_t& count) {
        CountingReader<Reader> counting{read_, count};
        result_.last = {.guest_physical = guest_physical,
                        .access = access,
                        .result = stage_.translate(counting, guest_physical, access)};
        return result_.last.result.outcome == SecondStageOutcome::translated;
    }

    constexpr Walk2dOutcome outcome(Access access) {
        switch (result_.guest.outcome) {
            case WalkOutcome::non_canonical:
                return Walk2dOutcome::guest_non_canonical;
            case WalkOutcome::page_fault:
                return Walk2dOutcome::guest_page_fault;
            case WalkOutcome::entry_outside_memory:
                return stopped();
            case WalkOutcome::translated:
                break;
        }
        if (!may_update_guest_entries() || !translate_final(access)) {
            return stopped();
        }
        const SecondStageResult<typename Stage::Details>& page = result_.last.result;
        const PageSize guest_size = result_.guest.translation.size;
        result_.address = page.address;
        result_.size = page.size < guest_size ? page.size : guest_size;
        return Walk2dOutcome::translated;
    }

    /// Whether the second stage lets the processor write the accessed and dirty flags that the
    /// guest's entries lack.
    constexpr bool may_update_guest_entries() {
        const GuestPhysicalAccess update = {.type = AccessType::write,
                                            .purpose = AccessPurpose::table_update};
        for (const WalkStep& step : result_.guest.trace) {
            std::size_t already_counted = 0;
            if (step.updated != step.raw && !translate(step.entry, update, already_counted)) {
                result_.last.guest_level = step.level;
                return false;
            }
        }
        return true;
    }

    constexpr bool translate_final(Access access) {
        const Translation& guest = result_.guest.translation;
        const GuestPhysicalAccess final_access = {
            .type = access.type,
            .purpose = AccessPurpose::translation,
            .user_linear = contains(guest.permission, Permission::user)};
        return translate(guest.address, final_access, result_.references.second_stage);
    }

    constexpr Walk2dOutcome stopped() const {
        return result_.last.result.outcome == SecondStageOutcome::fault
                   ? Walk2dOutcome::second_stage_fault
                   : Walk2dOutcome::outside_memory;
    }

    Reader& read_;
    const Stage& stage_;
    Result& result_;
};

}  // namespace detail

/// An executable model of how the processor translates a linear address of a guest: `walk` through
/// the guest's tables, where the address of each entry, and the final address, is guest-physical
/// and passes through the second stage first.
///
/// `read` reads host-physical memory, the entries of both stages; `guest_root` is guest-physical.
/// 4 levels over 4 read up to 24 entries: 4 of the guest, and 4 of the second stage for each of
/// those and for the final address. 5 over 5 read up to 35. Large pages on either side save their
/// share.
///
/// What comes first, as the manual orders it (Intel SDM Vol. 3C "Prioritization of EPT
/// Misconfigurations and EPT Violations"): per entry of the guest, the second stage's exits and
/// then what makes the entry fault (not present, reserved bits); when all are read, the guest's
/// access rights; then the writes of accessed and dirty flags to the guest's entries, root first;
/// then the second stage's exits for the final address. Where the manuals leave open when the flags
/// are written, this is what emulators of the processor do. After a guest page fault no flag is
/// written here, though a processor may have set accessed, or exited in trying to, in the entries
/// above.
///
/// A second stage that takes every access to a guest table for a write (NPT, and EPT with accessed
/// and dirty flags) has refused a read-only table at the read. Otherwise only flags that are really
/// to be set need write permission; the model then translates the entry's address once more with
/// the same reader, and does not count it, since the processor has that translation at hand.
///
/// Like `walk`, it models empty TLBs and paging-structure caches and writes nothing. What the
/// processor would set in the second stage's own entries is told of the last translation only.
/// What is not modelled of each stage, its own walk says.
template <EntryReader Reader, SecondStage Stage>
constexpr Walk2dResult<typename Stage::Details> walk2d(Reader&& read, const Stage& stage,
                                                       Frame4k guest_root, std::uint64_t linear,
                                                       Access access, const ControlState& state) {
    Walk2dResult<typename Stage::Details> result;
    detail::Walker2d<std::remove_reference_t<Reader>, Stage>(read, stage, result)
        .walk(guest_root, linear, access, state);
    return result;
}

}  // namespace nestbed::paging
