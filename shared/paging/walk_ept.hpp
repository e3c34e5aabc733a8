#pragma once

#include <cstdint>
#include <optional>

#include "access.hpp"
#include "address.hpp"
#include "bits.hpp"
#include "ept_entry.hpp"
#include "ept_format.hpp"
#include "guest_physical_access.hpp"
#include "level.hpp"
#include "walk.hpp"

namespace nestbed::paging {

/// The exit qualification of an EPT violation.
///
/// Intel SDM Vol. 3C "Basic VM-Exit Information", table "Exit Qualification for EPT Violations".
class EptViolation {
  public:
    /// The access was a data read.
    static constexpr std::uint64_t read_bit = 1u << 0;
    /// The access was a data write, or treated as one.
    static constexpr std::uint64_t write_bit = 1u << 1;
    /// The access was an instruction fetch.
    static constexpr std::uint64_t fetch_bit = 1u << 2;
    /// Every entry used grants reading; 0 if one was not present or the address too wide.
    static constexpr std::uint64_t readable_bit = 1u << 3;
    /// The same for writing.
    static constexpr std::uint64_t writable_bit = 1u << 4;
    /// The same for execution; with mode-based execute control, from supervisor-mode addresses.
    static constexpr std::uint64_t executable_bit = 1u << 5;
    /// The same for execution from user-mode addresses. Undefined, and here 0, without mode-based
    /// execute control.
    static constexpr std::uint64_t user_executable_bit = 1u << 6;
    /// The guest-linear address field is valid.
    static constexpr std::uint64_t linear_valid_bit = 1u << 7;
    /// The access was to the translation of a linear address; 0 if it was to an entry of the
    /// guest's tables. Only with `linear_valid_bit`.
    static constexpr std::uint64_t translation_bit = 1u << 8;

    constexpr EptViolation() = default;
    /// The qualification as reported by a VM exit; unknown bits are kept.
    constexpr explicit EptViolation(std::uint64_t raw) : raw_(raw) {}

    constexpr std::uint64_t raw() const { return raw_; }

    constexpr bool read() const { return has(read_bit); }
    constexpr bool write() const { return has(write_bit); }
    constexpr bool fetch() const { return has(fetch_bit); }
    constexpr bool linear_valid() const { return has(linear_valid_bit); }
    constexpr bool translation() const { return has(translation_bit); }

    /// What all entries used grant together.
    constexpr EptPermission permission() const {
        constexpr unsigned shift = 3;
        static_assert(static_cast<std::uint64_t>(ept_all_granted) << shift ==
                      (readable_bit | writable_bit | executable_bit | user_executable_bit));
        return static_cast<EptPermission>(raw_ >> shift) & ept_all_granted;
    }

    /// This qualification with `bits` (any of the constants above) set as well.
    constexpr EptViolation with(std::uint64_t bits) const { return EptViolation(raw_ | bits); }

    friend constexpr bool operator==(EptViolation, EptViolation) = default;

  private:
    constexpr bool has(std::uint64_t bit) const { return (raw_ & bit) != 0; }

    std::uint64_t raw_ = 0;
};

/// How an EPT walk ends.
enum class EptWalkOutcome : std::uint8_t {
    translated,            ///< `translation` holds the result.
    violation,             ///< EPT violation with `violation`.
    misconfiguration,      ///< EPT misconfiguration; the last step's `reserved` says which bits.
    entry_outside_memory,  ///< The last step's entry is no memory; its `raw` was not read.
};

/// Where an access to guest-physical memory that is allowed goes.
struct EptTranslation {
    /// The host-physical address of the byte itself, not of its page.
    PhysAddr address{};
    PageSize size = PageSize::size_4k;
    /// What all levels together grant.
    EptPermission permission = EptPermission::none;
    /// The leaf's own flags: its memory type, ignore PAT; its permission is the leaf's alone.
    EptFlags leaf_flags{EptPermission::none};
};

/// The result of an EPT walk and the way it took.
///
/// The steps say of EPT entries what they say of ordinary ones: `reserved` are the misconfigured
/// bits, `updated` has accessed and dirty if the EPTP enables them and the walk translates.
struct EptWalkResult {
    EptWalkOutcome outcome = EptWalkOutcome::violation;
    /// Set if `outcome` is translated.
    EptTranslation translation{};
    /// Set if `outcome` is violation.
    EptViolation violation{};
    WalkTrace trace{};
};

namespace detail {

/// Whether the access counts as a write, whatever its type. Intel SDM Vol. 3C "Accessed and Dirty
/// Flags for EPT".
constexpr bool is_ept_write(EptPointer pointer, GuestPhysicalAccess access) {
    const bool treated_as_write =
        pointer.accessed_dirty() && access.purpose == AccessPurpose::table_entry;
    return access.type == AccessType::write || treated_as_write;
}

/// What all entries must grant for the access. Intel SDM Vol. 3C "EPT Violations".
constexpr EptPermission ept_wanted(EptPointer pointer, GuestPhysicalAccess access,
                                   const EptFormat& format) {
    if (is_ept_write(pointer, access)) {
        return EptPermission::write;
    }
    if (access.type == AccessType::read) {
        return EptPermission::read;
    }
    const bool by_user_bit = format.mode_based_execute && access.user_linear;
    return by_user_bit ? EptPermission::user_execute : EptPermission::execute;
}

/// The bits of the exit qualification that describe the access.
constexpr EptViolation ept_access_bits(EptPointer pointer, GuestPhysicalAccess access) {
    EptViolation bits;
    if (access.type == AccessType::read) {
        bits = bits.with(EptViolation::read_bit);
    }
    if (is_ept_write(pointer, access)) {
        bits = bits.with(EptViolation::write_bit);
    }
    if (access.type == AccessType::fetch) {
        bits = bits.with(EptViolation::fetch_bit);
    }
    if (access.purpose != AccessPurpose::no_linear) {
        bits = bits.with(EptViolation::linear_valid_bit);
    }
    if (access.purpose == AccessPurpose::translation) {
        bits = bits.with(EptViolation::translation_bit);
    }
    return bits;
}

/// The bits of the exit qualification for what the entries grant together.
constexpr std::uint64_t ept_granted_bits(EptPermission granted, const EptFormat& format) {
    const EptPermission defined =
        format.mode_based_execute
            ? ept_all_granted
            : EptPermission::read | EptPermission::write | EptPermission::execute;
    return static_cast<std::uint64_t>(granted & defined) * EptViolation::readable_bit;
}

/// Whether the walk length leaves bits of the address out. No processor makes a guest-physical
/// address above 52 bits.
constexpr bool is_too_wide(PhysAddr guest_physical, EptWalkLength length) {
    const unsigned four_level_bits = 48;
    return !PhysAddr::within(guest_physical.raw(), length == EptWalkLength::four
                                                       ? four_level_bits
                                                       : architectural_physical_bits);
}

}  // namespace detail

/// An executable model of how the processor translates a guest-physical address through EPT: to a
/// translation, to an EPT violation with its exit qualification, or to an EPT misconfiguration.
///
/// As the manual orders it, each entry is first checked alone from the root down (present, well
/// formed); only the whole way then decides whether the access is allowed. A guest-physical address
/// too wide for the walk length is a violation, and no entry is read.
///
/// It reads tables from memory only and writes nothing, like `walk`. Not modelled:
/// page-modification logging, the conversion to #VE, sub-page write permissions, supervisor shadow
/// stacks, guest-paging verification, and bits 9 to 16 of the exit qualification.
///
/// Intel SDM Vol. 3C "EPT Translation Mechanism" to "Accessed and Dirty Flags for EPT".
template <EntryReader Reader>
constexpr EptWalkResult walk_ept(Reader&& read, EptPointer pointer, PhysAddr guest_physical,
                                 GuestPhysicalAccess access, const EptFormat& format) {
    EptWalkResult result;
    const EptViolation access_violation = detail::ept_access_bits(pointer, access);
    if (detail::is_too_wide(guest_physical, pointer.walk_length())) {
        result.violation = access_violation;
        return result;
    }
    Level level = pointer.root_level();
    const VirtAddr indexed(guest_physical.raw());
    EptPermission granted = ept_all_granted;
    PhysAddr table = pointer.root().address();

    for (;; level = below(level)) {
        const PhysAddr entry = table + index_of(level, indexed) * entry_bytes;
        const std::optional<std::uint64_t> read_raw = read(entry);
        const std::uint64_t raw = read_raw.value_or(0);
        result.trace.add({.level = level, .entry = entry, .raw = raw, .updated = raw});
        if (!read_raw) {
            result.outcome = EptWalkOutcome::entry_outside_memory;
            return result;
        }
        const EntryKind kind = ept_kind_of(level, raw, format);
        if (kind == EntryKind::not_present) {
            result.violation = access_violation;
            return result;
        }
        const std::uint64_t misconfigured = ept_misconfigured_bits(level, raw, format);
        if (misconfigured != 0) {
            result.trace.back().reserved = misconfigured;
            result.outcome = EptWalkOutcome::misconfiguration;
            return result;
        }
        granted = granted & EptFlags::of_leaf(raw).permission();
        if (kind == EntryKind::leaf) {
            break;
        }
        table = PhysAddr(raw & bits::table_frame);
    }

    if (!contains(granted, detail::ept_wanted(pointer, access, format))) {
        result.violation = access_violation.with(detail::ept_granted_bits(granted, format));
        return result;
    }
    const PageSize size = leaf_size_of(level);
    const std::uint64_t leaf = result.trace.back().raw;
    result.outcome = EptWalkOutcome::translated;
    result.translation = {
        .address = PhysAddr((leaf & bits::leaf_frame(size)) | guest_physical.offset_in(size)),
        .size = size,
        .permission = granted,
        .leaf_flags = EptFlags::of_leaf(leaf),
    };
    if (pointer.accessed_dirty()) {
        for (WalkStep& step : result.trace) {
            step.updated = step.raw | ept_bits::accessed;
        }
        if (detail::is_ept_write(pointer, access)) {
            result.trace.back().updated |= ept_bits::dirty;
        }
    }
    return result;
}

}  // namespace nestbed::paging
