#include "vmm/pc/cpu_definitions.hpp"

#include <array>

namespace nestbed::vmm {

const std::string_view common_features =
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 "
    "ht pni syscall nx lm x2apic hypervisor kvmclock kvm-nopiodelay kvm-asyncpf kvm-steal-time "
    "kvm-pv-eoi kvmclock-stable-bit";

namespace {

constexpr std::array known_definitions{
    CpuDefinition{"qemu64", 0xD, 0x8000'000A, 15, 107, 1, "cx16 lahf-lm"},
    CpuDefinition{"kvm64", 0xD, 0x8000'0008, 15, 6, 1, "vme cx16"},
    CpuDefinition{"Opteron_G1", 5, 0x8000'0008, 15, 6, 1, "vme"},
    CpuDefinition{"IvyBridge", 0xD, 0x8000'0008, 6, 58, 9,
                  "vme pclmulqdq ssse3 cx16 sse4.1 sse4.2 popcnt tsc-deadline aes xsave avx f16c "
                  "rdrand fsgsbase smep erms rdtscp lahf-lm xsaveopt arat"},
    CpuDefinition{
        "Skylake-Server", 0xD, 0x8000'0008, 6, 85, 4,
        "vme pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 movbe popcnt tsc-deadline aes "
        "xsave avx f16c rdrand fsgsbase bmi1 hle avx2 smep bmi2 erms invpcid rtm rdseed "
        "adx smap clflushopt clwb avx512f avx512dq avx512cd avx512bw avx512vl pku pdpe1gb "
        "rdtscp lahf-lm abm 3dnowprefetch xsaveopt xsavec xgetbv1 arat"},
};

}  // namespace

std::span<const CpuDefinition> cpu_definitions() { return known_definitions; }

}  // namespace nestbed::vmm
