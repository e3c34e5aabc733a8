#pragma once

#include <cstdint>

namespace nestbed::arch {

/// The error code that the processor pushes with a page fault (#PF, vector 14).
///
/// Intel SDM Vol. 3A 4.7 "Page-Fault Exceptions"; AMD APM Vol. 2 8.4.2 "Page-Fault Error Code".
class PageFaultError {
  public:
    /// The translation had a present entry at every level; 0 if some entry had P = 0.
    static constexpr std::uint32_t present_bit = 1u << 0;
    /// The access was a write.
    static constexpr std::uint32_t write_bit = 1u << 1;
    /// The access was a user-mode access.
    static constexpr std::uint32_t user_bit = 1u << 2;
    /// A present entry had a reserved bit set.
    static constexpr std::uint32_t reserved_bit = 1u << 3;
    /// The access was an instruction fetch, reported only under EFER.NXE or CR4.SMEP.
    static constexpr std::uint32_t fetch_bit = 1u << 4;
    /// The protection key of the page forbade the access.
    static constexpr std::uint32_t protection_key_bit = 1u << 5;
    /// The access was a shadow-stack access.
    static constexpr std::uint32_t shadow_stack_bit = 1u << 6;
    /// The fault happened during HLAT paging.
    static constexpr std::uint32_t hlat_bit = 1u << 7;
    /// The fault came from SGX access control, not from ordinary paging.
    static constexpr std::uint32_t sgx_bit = 1u << 15;

    /// The code with no bit set: a supervisor data read of a page that is not present.
    constexpr PageFaultError() = default;

    /// The code as pushed on the stack or reported by a VM exit; unknown bits are kept.
    constexpr explicit PageFaultError(std::uint32_t raw) : raw_(raw) {}

    constexpr std::uint32_t raw() const { return raw_; }

    constexpr bool present() const { return has(present_bit); }
    constexpr bool write() const { return has(write_bit); }
    constexpr bool user() const { return has(user_bit); }
    constexpr bool reserved() const { return has(reserved_bit); }
    constexpr bool fetch() const { return has(fetch_bit); }
    constexpr bool protection_key() const { return has(protection_key_bit); }
    constexpr bool shadow_stack() const { return has(shadow_stack_bit); }
    constexpr bool hlat() const { return has(hlat_bit); }
    constexpr bool sgx() const { return has(sgx_bit); }

    /// This code with `bits` (any of the constants above) set as well.
    constexpr PageFaultError with(std::uint32_t bits) const { return PageFaultError(raw_ | bits); }

    friend constexpr bool operator==(PageFaultError, PageFaultError) = default;

  private:
    constexpr bool has(std::uint32_t bit) const { return (raw_ & bit) != 0; }

    std::uint32_t raw_ = 0;
};

static_assert(sizeof(PageFaultError) == 4);

}  // namespace nestbed::arch
