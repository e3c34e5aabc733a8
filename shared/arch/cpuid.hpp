// CPUID leaves and feature bits (SDM Vol. 2A "CPUID - CPU Identification", APM Vol. 3 appendix E).
#pragma once

#include <cstdint>

namespace nestbed::arch::cpuid {

inline constexpr std::uint32_t leaf_vendor = 0;
inline constexpr std::uint32_t leaf_features = 1;
inline constexpr std::uint32_t leaf_extended_features = 7;
inline constexpr std::uint32_t leaf_topology = 0xB;
inline constexpr std::uint32_t leaf_topology_v2 = 0x1F;
inline constexpr std::uint32_t leaf_amd_features = 0x8000'0001;
inline constexpr std::uint32_t leaf_address_sizes = 0x8000'0008;
inline constexpr std::uint32_t leaf_amd_topology = 0x8000'001E;

// Leaf 1
inline constexpr std::uint32_t ecx_pcid = 1U << 17;
inline constexpr std::uint32_t ecx_x2apic = 1U << 21;
inline constexpr std::uint32_t edx_htt = 1U << 28;
// Leaf 7, subleaf 0
inline constexpr std::uint32_t ebx_smep = 1U << 7;
inline constexpr std::uint32_t ebx_invpcid = 1U << 10;
inline constexpr std::uint32_t ebx_smap = 1U << 20;
inline constexpr std::uint32_t ecx_pku = 1U << 3;
inline constexpr std::uint32_t ecx_la57 = 1U << 16;
inline constexpr std::uint32_t ecx_pks = 1U << 31;
// Leaf 80000001H
inline constexpr std::uint32_t edx_no_execute = 1U << 20;
inline constexpr std::uint32_t edx_page_1g = 1U << 26;

/// Whose rules a processor follows where the manuals differ.
enum class Vendor : std::uint8_t {
    other,  ///< Intel's
    amd,    ///< AMD's, and Hygon's, whose processors are AMD's design
};

/// From EBX, EDX and ECX of leaf 0, which spell the vendor's name.
constexpr Vendor vendor_of(std::uint32_t ebx, std::uint32_t edx, std::uint32_t ecx) {
    const auto is = [&](const char(&name)[13]) {
        const std::uint32_t registers[] = {ebx, edx, ecx};
        for (unsigned i = 0; i < 12; ++i) {
            if (static_cast<char>(registers[i / 4] >> (i % 4 * 8)) != name[i]) {
                return false;
            }
        }
        return true;
    };
    return is("AuthenticAMD") || is("HygonGenuine") ? Vendor::amd : Vendor::other;
}

}  // namespace nestbed::arch::cpuid
