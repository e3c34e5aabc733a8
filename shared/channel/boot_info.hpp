// The page that the VMM hands to every vCPU at its entry point.
#pragma once

#include <cstdint>

#include "../arch/cpuid.hpp"
#include "../paging/entry_format.hpp"
#include "abi.hpp"
#include "dirty_logging.hpp"
#include "host_operation.hpp"
#include "panic_report.hpp"
#include "pointer.hpp"
#include "ring.hpp"
#include "test_descriptor.hpp"
#include "test_memory.hpp"

namespace nestbed::channel {

inline constexpr std::uint64_t boot_magic = 0x0064'6562'7473'656E;  // "nestbed\0"

/// Paging features that the vCPUs' CPUID offers.
struct Features {
    std::uint8_t no_execute;
    std::uint8_t page_1g;
    std::uint8_t la57;
    std::uint8_t pcid;
    std::uint8_t invpcid;
    std::uint8_t smep;
    std::uint8_t smap;
    std::uint8_t pku;
    std::uint8_t pks;
    std::uint8_t max_physical_bits;  ///< MAXPHYADDR
    arch::cpuid::Vendor vendor;      ///< of the processor that CPUID names
    std::uint8_t reserved[5];

    /// What an entry may have, with no-execute switched on wherever it is offered.
    constexpr paging::EntryFormat entry_format() const {
        return {.maxphyaddr = max_physical_bits,
                .nxe = no_execute != 0,
                .pages_1g = page_1g != 0,
                .root_global_reserved = vendor == arch::cpuid::Vendor::amd};
    }
};
static_assert(sizeof(Features) == 16);

/// A parameter given to the test from outside (`--set NAME=VALUE`).
struct BootParameter {
    char name[24];  ///< terminated by a zero byte
    std::uint64_t value;
};
static_assert(sizeof(BootParameter) == 32);

inline constexpr std::uint32_t max_boot_parameters = 32;

/// What one vCPU calls its own.
struct CpuBootInfo {
    Pointer<RingHeader> ring;
    Pointer<PanicReport> panic;
};

struct BootInfo {
    std::uint64_t magic;        ///< `boot_magic`
    std::uint32_t abi_version;  ///< `channel::abi_version` of the VMM
    std::uint32_t size;         ///< sizeof(BootInfo) of the VMM
    std::uint32_t cpu_count;    ///< CPU n has x2APIC id n
    std::uint32_t parameter_count;
    std::uint64_t tsc_khz;               ///< 0 if the host's KVM does not say
    Pointer<const TestDescriptor> test;  ///< the test to run
    std::uint64_t free_memory;           ///< guest physical address of unused, zeroed memory …
    std::uint64_t free_memory_end;       ///< … and its end, both 4 KiB-aligned
    std::uint64_t user_tables;           ///< PML4E 0: the tables that map the user image
    Features features;
    CpuBootInfo cpus[max_cpus];
    BootParameter parameters[max_boot_parameters];
    TestMemory test_memory;
    Pointer<HostOperation> host_operation;  ///< where requests for `port::host_operation` are put
    DirtyLogging dirty_logging;  ///< of the test memory, with the entries that a ring has
};
static_assert(sizeof(BootInfo) <= 4096);

}  // namespace nestbed::channel
