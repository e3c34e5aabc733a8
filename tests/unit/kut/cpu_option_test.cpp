#include "vmm/kut/cpu_option.hpp"

#include <gmock/gmock.h>

#include "tests/unit/nested/failure.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Feature = CpuModel::Feature;

std::string cpu_refusal(std::string_view value) {
    return test::failure_of([&] { read_cpu_option(value); }, ErrorKind::usage);
}

TEST(CpuOption, IsAModelAndChangesToIt) {
    EXPECT_EQ(read_cpu_option("qemu64"), (CpuModel{.name = "qemu64"}));
    const CpuModel cpu = read_cpu_option("IvyBridge,+vmx,-pku,umip,smep=off,smap=on");
    EXPECT_EQ(cpu.name, "IvyBridge");
    EXPECT_THAT(cpu.features,
                ElementsAre(Feature{"vmx", true}, Feature{"pku", false}, Feature{"umip", true},
                            Feature{"smep", false}, Feature{"smap", true}));
}

TEST(CpuOption, UnderscoresAreHyphens) {
    EXPECT_THAT(read_cpu_option("max,+tsc_deadline,-lahf_lm").features,
                ElementsAre(Feature{"tsc-deadline", true}, Feature{"lahf-lm", false}));
    EXPECT_TRUE(read_cpu_option("max,hv_passthrough").hyperv);
    EXPECT_TRUE(read_cpu_option("max,hv-passthrough=on").hyperv);
    EXPECT_FALSE(read_cpu_option("max,hv-passthrough=off").hyperv);
}

TEST(CpuOption, PhysicalAddressBitsAreTheHostsOrOnesOwn) {
    EXPECT_TRUE(read_cpu_option("max").host_physical_bits);
    EXPECT_TRUE(read_cpu_option("host").host_physical_bits);
    EXPECT_FALSE(read_cpu_option("max,host-phys-bits=off").host_physical_bits);
    EXPECT_FALSE(read_cpu_option("IvyBridge").host_physical_bits);
    EXPECT_TRUE(read_cpu_option("Skylake-Server,host-phys-bits").host_physical_bits);
    EXPECT_EQ(read_cpu_option("IvyBridge,phys-bits=36").physical_bits, 36U);
    EXPECT_EQ(read_cpu_option("IvyBridge").physical_bits, std::nullopt);
    for (const char* bits : {"31", "53", "", "x", "-1", "4294967332"}) {
        EXPECT_THAT(cpu_refusal(fmt::format("max,phys-bits={}", bits)),
                    HasSubstr("not a number from 32 to 52"))
            << bits;
    }
}

TEST(CpuOption, AVendorHasTwelveCharacters) {
    EXPECT_EQ(read_cpu_option("max,vendor=GenuineIntel").vendor, "GenuineIntel");
    for (const char* vendor : {"", "Intel", "GenuineIntel!", "Genuine\x1bntel"}) {
        EXPECT_THAT(cpu_refusal(fmt::format("max,vendor={}", vendor)),
                    HasSubstr("not 12 characters"))
            << vendor;
    }
    EXPECT_THAT(cpu_refusal("max,vendor"), HasSubstr("not 12 characters"));
}

TEST(CpuOption, WhatIsAboutQemuAloneHasNoEffect) {
    EXPECT_EQ(read_cpu_option("max,migratable=no,check,enforce=off"), read_cpu_option("max"));
}

TEST(CpuOption, HypervIsAllOrNothing) {
    EXPECT_THAT(cpu_refusal("max,hv-relaxed"), HasSubstr("or nothing, not hv-relaxed alone"));
}

TEST(CpuOption, WhatItCannotBeIsRefused) {
    EXPECT_THAT(cpu_refusal(""), HasSubstr("no model"));
    EXPECT_THAT(cpu_refusal(",+vmx"), HasSubstr("no model"));
    for (const char* cpu : {"max,", "max,,+vmx", "max,+", "max,-"}) {
        EXPECT_THAT(cpu_refusal(cpu), HasSubstr("nothing between two commas")) << cpu;
    }
    EXPECT_EQ(cpu_refusal("max,vmx=maybe"), "-cpu vmx=maybe: neither on nor off");
    EXPECT_EQ(cpu_refusal("max,vmx="), "-cpu vmx=: neither on nor off");
}

TEST(CpuOption, HasALimit) {
    std::string cpu = "max";
    for (int n = 0; n < 501; ++n) {
        cpu += ",+vmx";
    }
    EXPECT_THAT(cpu_refusal(cpu), HasSubstr("more than 500 features"));
}

TEST(Switch, IsOnOrOff) {
    for (const char* on : {"on", "yes", "true", "y"}) {
        EXPECT_TRUE(parse_switch("-x", on)) << on;
    }
    for (const char* off : {"off", "no", "false", "n"}) {
        EXPECT_FALSE(parse_switch("-x", off)) << off;
    }
}

}  // namespace
}  // namespace nestbed::vmm
