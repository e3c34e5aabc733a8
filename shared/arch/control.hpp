// Control-register, EFER and RFLAGS bits (SDM Vol. 3A 2.3 "System Flags", 2.5 "Control Registers",
// 2.2.1 "Extended Feature Enable Register").
#pragma once

#include <cstdint>

namespace nestbed::arch {

namespace cr0 {
inline constexpr std::uint64_t pe = 1U << 0;   ///< protection enable
inline constexpr std::uint64_t mp = 1U << 1;   ///< monitor coprocessor
inline constexpr std::uint64_t et = 1U << 4;   ///< extension type, always 1
inline constexpr std::uint64_t ne = 1U << 5;   ///< numeric error
inline constexpr std::uint64_t wp = 1U << 16;  ///< supervisor writes honour read-only pages
inline constexpr std::uint64_t am = 1U << 18;  ///< alignment mask
inline constexpr std::uint64_t pg = 1U << 31;  ///< paging
}  // namespace cr0

namespace cr4 {
inline constexpr std::uint64_t pse = 1U << 4;     ///< 4 MiB pages of 32-bit paging
inline constexpr std::uint64_t pae = 1U << 5;     ///< physical address extension
inline constexpr std::uint64_t pge = 1U << 7;     ///< global pages
inline constexpr std::uint64_t la57 = 1U << 12;   ///< 5-level paging
inline constexpr std::uint64_t pcide = 1U << 17;  ///< process-context identifiers
inline constexpr std::uint64_t smep = 1U << 20;   ///< supervisor-mode execution prevention
inline constexpr std::uint64_t smap = 1U << 21;   ///< supervisor-mode access prevention
inline constexpr std::uint64_t pke = 1U << 22;    ///< protection keys for user pages
inline constexpr std::uint64_t pks = 1U << 24;    ///< protection keys for supervisor pages
}  // namespace cr4

namespace efer {
inline constexpr std::uint64_t sce = 1U << 0;   ///< SYSCALL enable
inline constexpr std::uint64_t lme = 1U << 8;   ///< long mode enable
inline constexpr std::uint64_t lma = 1U << 10;  ///< long mode active
inline constexpr std::uint64_t nxe = 1U << 11;  ///< execute-disable enable
}  // namespace efer

namespace rflags {
inline constexpr std::uint64_t reserved_one = 1U << 1;      ///< always 1
inline constexpr std::uint64_t interrupt = 1U << 9;         ///< IF
inline constexpr std::uint64_t io_for_user = 3U << 12;      ///< IOPL 3: ports from user mode
inline constexpr std::uint64_t virtual_8086 = 1U << 17;     ///< VM
inline constexpr std::uint64_t alignment_check = 1U << 18;  ///< AC; with SMAP: access allowed
}  // namespace rflags

}  // namespace nestbed::arch
