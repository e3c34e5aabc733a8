#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include "access.hpp"
#include "access_rights.hpp"
#include "address.hpp"
#include "bits.hpp"
#include "entry_format.hpp"
#include "ept_entry.hpp"
#include "ept_format.hpp"
#include "frame.hpp"
#include "guest_physical_access.hpp"
#include "page_size.hpp"
#include "walk.hpp"
#include "walk_ept.hpp"

namespace nestbed::paging {

/// How the translation of a guest-physical address ends.
enum class SecondStageOutcome : std::uint8_t {
    translated,            ///< `address` and `size` hold the result.
    fault,                 ///< An exit to the hypervisor; `details` say which.
    entry_outside_memory,  ///< An entry of the second stage is no memory.
};

/// The result of a second stage, with what only this kind of second stage has to say.
template <typename DetailsType>
struct SecondStageResult {
    SecondStageOutcome outcome = SecondStageOutcome::fault;
    /// The host-physical address of the byte itself. Set if `outcome` is translated.
    PhysAddr address{};
    /// The size of the page it lies in. Set if `outcome` is translated.
    PageSize size = PageSize::size_4k;
    DetailsType details{};
};

namespace detail {

/// Stands for any `EntryReader` where a concept needs one.
struct AnyReader {
    constexpr std::optional<std::uint64_t> operator()(PhysAddr) const { return std::nullopt; }
};

}  // namespace detail

/// Translates guest-physical addresses to host-physical ones: `EptStage`, `NptStage`,
/// `NoSecondStage`. `translate` reads its entries with the reader that it is given.
template <typename S>
concept SecondStage = requires(const S& stage, detail::AnyReader& read, PhysAddr guest_physical,
                               GuestPhysicalAccess access) {
    typename S::Details;
    {
        stage.translate(read, guest_physical, access)
        } -> std::same_as<SecondStageResult<typename S::Details>>;
};

/// No second stage: guest-physical addresses are host-physical ones.
struct NoSecondStage {
    struct Details {};

    template <EntryReader Reader>
    constexpr SecondStageResult<Details> translate(Reader&&, PhysAddr guest_physical,
                                                   GuestPhysicalAccess) const {
        // The size limits nothing: no page is larger.
        return {.outcome = SecondStageOutcome::translated,
                .address = guest_physical,
                .size = PageSize::size_1g};
    }
};

/// Intel's second stage, the extended page tables.
struct EptStage {
    using Details = EptWalkResult;

    EptPointer pointer;
    EptFormat format{};

    template <EntryReader Reader>
    constexpr SecondStageResult<Details> translate(Reader&& read, PhysAddr guest_physical,
                                                   GuestPhysicalAccess access) const {
        const EptWalkResult walked = walk_ept(read, pointer, guest_physical, access, format);
        return {.outcome = outcome_of(walked.outcome),
                .address = walked.translation.address,
                .size = walked.translation.size,
                .details = walked};
    }

  private:
    static constexpr SecondStageOutcome outcome_of(EptWalkOutcome outcome) {
        switch (outcome) {
            case EptWalkOutcome::translated:
                return SecondStageOutcome::translated;
            case EptWalkOutcome::violation:
            case EptWalkOutcome::misconfiguration:
                return SecondStageOutcome::fault;
            case EptWalkOutcome::entry_outside_memory:
                return SecondStageOutcome::entry_outside_memory;
        }
        return SecondStageOutcome::fault;
    }
};

/// What an NPT second stage has to say.
struct NptDetails {
    /// The walk of the nested table, whose linear address is the guest-physical one.
    WalkResult walk{};
    /// EXITINFO1 of the #VMEXIT(NPF): the error code, and for what the access was. Set if `walk`
    /// ends with a page fault.
    std::uint64_t exit_info_1 = 0;
};

/// AMD's second stage: an ordinary table, walked with the paging mode that the host had at VMRUN.
///
/// Every access is a user access, and those to the guest's own tables are writes, needed or not.
/// The host's CR0.WP has no say then. Not modelled: GMET, supervisor shadow stacks, SEV's C-bit.
///
/// The manual does not say what becomes of a guest-physical address above 48 bits when the nested
/// table has 4 levels; here it is a fault like that of an entry that is not present.
///
/// AMD APM Vol. 2 15.25.6 "Nested versus Guest Page Faults, Fault Ordering".
struct NptStage {
    using Details = NptDetails;

    /// EXITINFO1: the fault was in the translation of the guest's final address.
    static constexpr std::uint64_t final_address_bit = std::uint64_t{1} << 32;
    /// EXITINFO1: the fault was in the translation of the address of a guest table's entry.
    static constexpr std::uint64_t guest_table_bit = std::uint64_t{1} << 33;

    /// nCR3.
    Frame4k root;
    /// The host's CR4.LA57 at VMRUN.
    bool la57 = false;
    /// MAXPHYADDR and the host's EFER.NXE.
    EntryFormat format{};

    template <EntryReader Reader>
    constexpr SecondStageResult<Details> translate(Reader&& read, PhysAddr guest_physical,
                                                   GuestPhysicalAccess access) const {
        const NptDetails details = walk_nested(read, guest_physical, access);
        return {.outcome = outcome_of(details.walk.outcome),
                .address = details.walk.translation.address,
                .size = details.walk.translation.size,
                .details = details};
    }

  private:
    static constexpr bool is_guest_table(AccessPurpose purpose) {
        return purpose == AccessPurpose::table_entry || purpose == AccessPurpose::table_update;
    }

    template <EntryReader Reader>
    constexpr NptDetails walk_nested(Reader&& read, PhysAddr guest_physical,
                                     GuestPhysicalAccess access) const {
        const bool guest_table = is_guest_table(access.purpose);
        const Access nested = {.type = guest_table ? AccessType::write : access.type,
                               .mode = AccessMode::user};
        const ControlState state = {.la57 = la57, .format = format};
        NptDetails details;
        if (PhysAddr::within(guest_physical.raw(), static_cast<unsigned>(state.width()))) {
            details.walk = walk(read, root, canonical(guest_physical, state), nested, state);
        } else {
            details.walk.outcome = WalkOutcome::page_fault;
            details.walk.error = access_bits(nested, state);
        }
        if (details.walk.outcome == WalkOutcome::page_fault) {
            details.exit_info_1 =
                details.walk.error.raw() | (guest_table ? guest_table_bit : final_address_bit);
        }
        return details;
    }

    /// The linear address that selects the same entries. Guest-physical addresses are not
    /// sign-extended, and `walk` takes canonical ones only.
    static constexpr std::uint64_t canonical(PhysAddr guest_physical, const ControlState& state) {
        const auto width = static_cast<unsigned>(state.width());
        const bool upper_half = (guest_physical.raw() >> (width - 1)) != 0;
        return guest_physical.raw() | (upper_half ? bits::range(width, 63) : 0);
    }

    static constexpr SecondStageOutcome outcome_of(WalkOutcome outcome) {
        switch (outcome) {
            case WalkOutcome::translated:
                return SecondStageOutcome::translated;
            case WalkOutcome::entry_outside_memory:
                return SecondStageOutcome::entry_outside_memory;
            case WalkOutcome::page_fault:
            case WalkOutcome::non_canonical:
                return SecondStageOutcome::fault;
        }
        return SecondStageOutcome::fault;
    }
};

static_assert(SecondStage<NoSecondStage>);
static_assert(SecondStage<EptStage>);
static_assert(SecondStage<NptStage>);

}  // namespace nestbed::paging
