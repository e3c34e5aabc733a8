#include "vmm/pc/cpu_model.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstring>

#include "tests/unit/nested/failure.hpp"
#include "tests/unit/pc/cpuid_of_host.hpp"

namespace nestbed::vmm {
namespace {

using test::add_leaf;
using test::has_leaf;
using test::host_with_everything;
using test::leaf_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// "qemu64", "+umip", "-pcid" to a model.
CpuModel model_of(std::string name, const std::vector<std::string>& features = {}) {
    CpuModel model{.name = std::move(name)};
    for (const std::string& feature : features) {
        model.features.push_back({feature.substr(1), feature.front() == '+'});
    }
    return model;
}

kvm::CpuidList cpuid_on(const kvm::CpuidList& host, const CpuModel& model) {
    return cpuid_of(model, host, 0, 1, nullptr);
}

kvm::CpuidList cpuid_with(std::string name, const std::vector<std::string>& features = {}) {
    return cpuid_on(host_with_everything(), model_of(std::move(name), features));
}

TEST(CpuModel, ThereAreSome) {
    EXPECT_THAT(cpu_models(), ElementsAre("max", "host", "qemu64", "kvm64", "Opteron_G1",
                                          "IvyBridge", "Skylake-Server"));
}

TEST(CpuModel, AnotherOneIsRefused) {
    const auto refusal = [](const CpuModel& model) {
        return test::failure_of([&] { cpuid_on(host_with_everything(), model); }, ErrorKind::usage);
    };
    EXPECT_EQ(refusal(model_of("ivybridge")),
              "there is no CPU model ivybridge here; there are max, host, qemu64, kvm64, "
              "Opteron_G1, IvyBridge, Skylake-Server; did you mean IvyBridge?");
    EXPECT_EQ(refusal(model_of("max", {"+smaq"})),
              "there is no CPU feature smaq here; did you mean smap?");
    EXPECT_THAT(refusal(model_of("max", {"-rdpru"})), HasSubstr("no CPU feature rdpru"));
    EXPECT_THAT(refusal({.vendor = "Intel"}), HasSubstr("a vendor has 12 characters"));
}

TEST(CpuModel, MaxIsAllThatKvmOffers) {
    kvm::CpuidList expected = host_with_everything();
    find_leaf(expected, 1)->ecx = ~std::uint32_t{0};
    find_leaf(expected, 1)->ebx |= 1U << 16;  // one CPU
    for (const char* name : {"max", "host"}) {
        const kvm::CpuidList list = cpuid_with(name);
        ASSERT_EQ(list.count, expected.count);
        for (std::uint32_t n = 0; n < list.count; ++n) {
            EXPECT_EQ(std::memcmp(&list.entries[n], &expected.entries[n], sizeof list.entries[n]),
                      0)
                << fmt::format("{:x}", list.entries[n].function);
        }
    }
}

TEST(CpuModel, WhatKvmsOwnApicAddsIsThere) {
    for (const char* name : {"max", "qemu64"}) {
        EXPECT_TRUE(has_feature(cpuid_with(name), "x2apic")) << name;
        EXPECT_TRUE(has_feature(cpuid_with(name), "hypervisor")) << name;
    }
    EXPECT_TRUE(has_feature(cpuid_with("max"), "tsc-deadline"));
    EXPECT_FALSE(has_feature(cpuid_with("qemu64"), "tsc-deadline"));
    EXPECT_TRUE(has_feature(cpuid_with("qemu64", {"+tsc-deadline"}), "tsc-deadline"));
    EXPECT_FALSE(has_feature(cpuid_with("qemu64", {"-x2apic"}), "x2apic"));
    EXPECT_FALSE(has_feature(cpuid_with("max", {"-x2apic"}), "x2apic"));
}

TEST(CpuModel, FeaturesAreTurnedOnAndOff) {
    EXPECT_FALSE(has_feature(cpuid_with("qemu64"), "umip"));
    EXPECT_TRUE(has_feature(cpuid_with("qemu64", {"+umip"}), "umip"));
    EXPECT_FALSE(has_feature(cpuid_with("max", {"-umip"}), "umip"));
    EXPECT_TRUE(has_feature(cpuid_with("max", {"-umip"}), "pku")) << "only that one";
    EXPECT_TRUE(has_feature(cpuid_with("max", {"-umip", "+umip"}), "umip"));
    EXPECT_FALSE(has_feature(cpuid_with("max", {"+umip", "-umip"}), "umip"));
}

TEST(CpuModel, NothingIsThereThatKvmDoesNotOffer) {
    kvm::CpuidList host = host_with_everything();
    find_leaf(host, 7)->ebx = 0;
    EXPECT_FALSE(has_feature(cpuid_on(host, model_of("Skylake-Server")), "smep"));
    EXPECT_FALSE(has_feature(cpuid_on(host, model_of("Skylake-Server", {"+smep"})), "smep"));
    remove_leaves(host, [](const kvm_cpuid_entry2& entry) { return entry.function == 7; });
    EXPECT_FALSE(has_feature(cpuid_on(host, model_of("max", {"+smep"})), "smep"));
}

TEST(CpuModel, ADefinitionsFeaturesAreItsOwn) {
    const kvm::CpuidList qemu64 = cpuid_with("qemu64");
    EXPECT_EQ(leaf_of(qemu64, 1).edx, 0x078B'FBFDU);
    EXPECT_EQ(leaf_of(qemu64, 1).ecx, 0x8020'2001U);
    EXPECT_EQ(leaf_of(qemu64, 7).ebx, 0U);
    EXPECT_EQ(leaf_of(qemu64, 0x8000'0001).ecx, 1U);
    EXPECT_EQ(leaf_of(qemu64, 0x4000'0001).eax, 0x0100'007BU);
    const kvm::CpuidList skylake = cpuid_with("Skylake-Server");
    EXPECT_EQ(leaf_of(skylake, 1).edx, 0x078B'FBFFU);
    EXPECT_EQ(leaf_of(skylake, 1).ecx, 0xF7FA'3203U);
    EXPECT_EQ(leaf_of(skylake, 7).ebx, 0xD19F'0FB9U);
    EXPECT_EQ(leaf_of(skylake, 7).ecx, 8U);
    EXPECT_EQ(leaf_of(skylake, 0xD, 1).eax, 7U);
    EXPECT_EQ(leaf_of(cpuid_with("IvyBridge"), 7).ebx, 0x281U);
    EXPECT_EQ(leaf_of(cpuid_with("Opteron_G1"), 1).ecx, 0x8020'0001U);
    EXPECT_EQ(leaf_of(cpuid_with("kvm64"), 1).ecx, 0x8020'2001U);
}

TEST(CpuModel, ADefinitionHasAFamily) {
    EXPECT_EQ(leaf_of(cpuid_with("qemu64"), 1).eax, 0x0006'0FB1U);
    EXPECT_EQ(leaf_of(cpuid_with("IvyBridge"), 1).eax, 0x0003'06A9U);
    EXPECT_EQ(leaf_of(cpuid_with("Skylake-Server"), 1).eax, 0x0005'0654U);
    EXPECT_EQ(leaf_of(cpuid_with("max"), 1).eax, 0x00A2'0F12U) << "the host's";
}

TEST(CpuModel, ADefinitionHasALastLeaf) {
    const kvm::CpuidList opteron = cpuid_with("Opteron_G1");
    EXPECT_EQ(leaf_of(opteron, 0).eax, 5U);
    EXPECT_EQ(leaf_of(opteron, 0x8000'0000).eax, 0x8000'0008U);
    EXPECT_FALSE(has_leaf(opteron, 7));
    EXPECT_FALSE(has_leaf(opteron, 0xD));
    EXPECT_FALSE(has_leaf(opteron, 0x8000'001E));
    EXPECT_TRUE(has_leaf(opteron, 0x4000'0001));
    EXPECT_EQ(leaf_of(cpuid_with("qemu64"), 0).eax, 0xDU);
    EXPECT_EQ(leaf_of(cpuid_with("qemu64"), 0x8000'0000).eax, 0x8000'000AU);
    EXPECT_FALSE(has_leaf(cpuid_with("qemu64"), 0x20));
    EXPECT_EQ(leaf_of(cpuid_with("max"), 0).eax, 0x20U);
}

TEST(CpuModel, AFeatureThatIsAddedTakesItsLeafAlong) {
    const kvm::CpuidList list = cpuid_with("Opteron_G1", {"+umip", "+npt", "+svm"});
    EXPECT_EQ(leaf_of(list, 0).eax, 7U);
    EXPECT_TRUE(has_feature(list, "umip"));
    EXPECT_EQ(leaf_of(list, 0x8000'0000).eax, 0x8000'000AU);
    EXPECT_TRUE(has_feature(list, "npt"));
}

TEST(CpuModel, LeafSevenHasAsManySubleavesAsItNeeds) {
    EXPECT_EQ(leaf_of(cpuid_with("qemu64", {"+umip"}), 7).eax, 0U);
    EXPECT_FALSE(has_leaf(cpuid_with("qemu64", {"+umip"}), 7, 1));
    EXPECT_EQ(leaf_of(cpuid_with("qemu64", {"+lam"}), 7).eax, 1U);
    EXPECT_TRUE(has_leaf(cpuid_with("qemu64", {"+lam"}), 7, 1));
    EXPECT_FALSE(has_leaf(cpuid_with("qemu64", {"+lam"}), 7, 2));
    EXPECT_EQ(leaf_of(cpuid_with("max"), 7).eax, 2U);
}

TEST(CpuModel, SvmIsOffUnlessItIsAskedFor) {
    EXPECT_FALSE(has_feature(cpuid_with("qemu64"), "svm"));
    EXPECT_FALSE(has_leaf(cpuid_with("qemu64"), 0x8000'000A));
    EXPECT_TRUE(has_feature(cpuid_with("max"), "svm"));
    EXPECT_FALSE(has_feature(cpuid_with("max", {"-npt"}), "npt"));
    EXPECT_TRUE(has_feature(cpuid_with("max", {"-npt"}), "svm"));
    EXPECT_FALSE(has_leaf(cpuid_with("max", {"-svm"}), 0x8000'000A));
}

TEST(CpuModel, AVendorCanBeChosen) {
    const kvm::CpuidList list =
        cpuid_on(host_with_everything(), {.name = "qemu64", .vendor = "GenuineIntel"});
    for (const std::uint32_t leaf : {0U, 0x8000'0000U}) {
        EXPECT_EQ(leaf_of(list, leaf).ebx, 0x756E'6547U);
        EXPECT_EQ(leaf_of(list, leaf).edx, 0x4965'6E69U);
        EXPECT_EQ(leaf_of(list, leaf).ecx, 0x6C65'746EU);
    }
    EXPECT_EQ(leaf_of(cpuid_with("qemu64"), 0).ebx, 0x6874'7541U) << "the host's";
}

TEST(CpuModel, AmdHasFeaturesTwice) {
    constexpr std::uint32_t aliases = 0x0183'F3FF;
    const kvm::CpuidList amd = cpuid_with("qemu64");
    EXPECT_EQ(leaf_of(amd, 0x8000'0001).edx & aliases, leaf_of(amd, 1).edx & aliases);
    EXPECT_EQ(leaf_of(amd, 0x8000'0001).edx & ~aliases, 1U << 11 | 1U << 20 | 1U << 29);
    const kvm::CpuidList no_apic = cpuid_with("max", {"-apic"});
    EXPECT_EQ(leaf_of(no_apic, 0x8000'0001).edx >> 9 & 1, 0U);
    for (const char* name : {"max", "qemu64"}) {
        const kvm::CpuidList intel =
            cpuid_on(host_with_everything(), {.name = name, .vendor = "GenuineIntel"});
        EXPECT_EQ(leaf_of(intel, 0x8000'0001).edx & aliases, 0U) << name;
        EXPECT_TRUE(has_feature(intel, "syscall")) << name;
    }
}

TEST(CpuModel, PhysicalAddressBitsAreAtMostTheHosts) {
    const auto bits = [](const CpuModel& model) {
        return leaf_of(cpuid_on(host_with_everything(), model), 0x8000'0008).eax & 0xFF;
    };
    EXPECT_EQ(bits({.name = "max"}), 46U);
    EXPECT_EQ(bits({.name = "max", .physical_bits = 36}), 36U);
    EXPECT_EQ(bits({.name = "max", .physical_bits = 36, .host_physical_bits = true}), 46U);
    EXPECT_EQ(bits({.name = "qemu64"}), 40U);
    EXPECT_EQ(bits({.name = "qemu64", .host_physical_bits = true}), 46U);
    EXPECT_EQ(bits({.name = "IvyBridge", .physical_bits = 36}), 36U);
    EXPECT_EQ(bits({.name = "IvyBridge", .physical_bits = 52}), 46U);
}

TEST(CpuModel, AddressSizesAreInStep) {
    EXPECT_EQ(leaf_of(cpuid_with("max"), 0x8000'0008).eax, 0x002A'392EU);
    EXPECT_EQ(leaf_of(cpuid_with("max", {"-la57"}), 0x8000'0008).eax, 0x002A'302EU);
    EXPECT_EQ(leaf_of(cpuid_with("qemu64"), 0x8000'0008).eax, 0x0028'3028U);
    EXPECT_EQ(leaf_of(cpuid_with("qemu64", {"+la57"}), 0x8000'0008).eax, 0x0028'3928U);
}

TEST(CpuModel, XsaveSavesWhatThereIs) {
    const auto areas = [](const kvm::CpuidList& list) {
        return std::pair(leaf_of(list, 0xD).eax, leaf_of(list, 0xD).ecx);
    };
    EXPECT_EQ(areas(cpuid_with("max")), std::pair(0x6'02FFU, 0x2B00U));
    EXPECT_EQ(areas(cpuid_with("max", {"-amx-tile"})), std::pair(0x2FFU, 0xA88U));
    EXPECT_EQ(areas(cpuid_with("IvyBridge")), std::pair(7U, 0x340U));
    EXPECT_EQ(areas(cpuid_with("IvyBridge", {"-avx"})), std::pair(3U, 0x240U));
    EXPECT_EQ(areas(cpuid_with("Skylake-Server")), std::pair(0x2E7U, 0xA88U));
    EXPECT_FALSE(has_leaf(cpuid_with("IvyBridge"), 0xD, 9));
    EXPECT_TRUE(has_leaf(cpuid_with("IvyBridge"), 0xD, 2));
}

TEST(CpuModel, WithoutXsaveThereIsNothingToSave) {
    for (const kvm::CpuidList& list : {cpuid_with("max", {"-xsave"}), cpuid_with("qemu64")}) {
        for (const kvm_cpuid_entry2& entry : list) {
            EXPECT_NE(entry.function, 0xDU);
        }
    }
}

TEST(CpuModel, SupervisorStateNeedsXsaves) {
    const auto state = [](const std::vector<std::string>& off) {
        return leaf_of(cpuid_with("max", off), 0xD, 1).ecx;
    };
    EXPECT_EQ(state({}), 0x1900U);
    EXPECT_EQ(state({"-shstk"}), 0x1900U) << "IBT has the same";
    EXPECT_EQ(state({"-shstk", "-ibt"}), 0x100U);
    EXPECT_EQ(state({"-xsaves"}), 0U);
    EXPECT_FALSE(has_leaf(cpuid_with("max", {"-xsaves"}), 0xD, 11));
    EXPECT_TRUE(has_leaf(cpuid_with("max"), 0xD, 11));
}

TEST(CpuModel, OnlyTheHostsOwnHasItsCounters) {
    EXPECT_TRUE(has_leaf(cpuid_with("max"), 0xA));
    EXPECT_FALSE(has_leaf(cpuid_with("max", {"-pmu"}), 0xA));
    EXPECT_FALSE(has_leaf(cpuid_with("qemu64"), 0xA));
    EXPECT_TRUE(has_leaf(cpuid_with("qemu64", {"+pmu"}), 0xA));
}

TEST(CpuModel, EachCpuHasAnId) {
    const kvm::CpuidList list = cpuid_of(model_of("qemu64"), host_with_everything(), 3, 4, nullptr);
    EXPECT_EQ(leaf_of(list, 1).ebx >> 24, 3U);
    EXPECT_EQ(leaf_of(list, 1).ebx >> 16 & 0xFF, 4U);
    EXPECT_EQ(leaf_of(list, 0xB).edx, 3U);
    EXPECT_TRUE(has_feature(list, "ht"));
    EXPECT_FALSE(has_feature(cpuid_with("qemu64"), "ht")) << "one CPU";
    const kvm::CpuidList max = cpuid_of(model_of("max"), host_with_everything(), 3, 4, nullptr);
    EXPECT_EQ(leaf_of(max, 0x8000'001E).eax, 3U);
}

TEST(CpuModel, KvmCanBeHidden) {
    EXPECT_TRUE(has_leaf(cpuid_with("max"), 0x4000'0000));
    EXPECT_FALSE(has_leaf(cpuid_with("max", {"-kvm"}), 0x4000'0000));
    EXPECT_FALSE(has_leaf(cpuid_with("max", {"-kvm"}), 0x4000'0001));
    EXPECT_EQ(leaf_of(cpuid_with("qemu64", {"-kvm-steal-time"}), 0x4000'0001).eax, 0x0100'005BU);
}

kvm::CpuidList hyperv_leaves(std::uint32_t count = 2) {
    kvm::CpuidList list;
    list.count = 0;
    for (std::uint32_t leaf = 0; leaf < count; ++leaf) {
        add_leaf(list, 0x4000'0000 + leaf, 0, 0x4000'0005);
    }
    return list;
}

TEST(CpuModel, HypervIsWhereKvmWouldBe) {
    const kvm::CpuidList hyperv = hyperv_leaves();
    const kvm::CpuidList list = cpuid_of(model_of("max"), host_with_everything(), 0, 1, &hyperv);
    EXPECT_EQ(list.count, host_with_everything().count + 2);
    EXPECT_EQ(leaf_of(list, 0x4000'0000).eax, 0x4000'0005U);
    EXPECT_EQ(leaf_of(list, 0x4000'0100).eax, 0x4000'0101U);
    EXPECT_EQ(leaf_of(list, 0x4000'0100).ebx, 0x4B4D'564BU);
    EXPECT_EQ(leaf_of(list, 0x4000'0101).eax, 0x0100'FEFFU);
}

TEST(CpuModel, MoreLeavesThanThereIsRoomForAreRefused) {
    const kvm::CpuidList hyperv = hyperv_leaves(250);
    EXPECT_THAT(
        test::failure_of([&] { cpuid_of(model_of("max"), host_with_everything(), 0, 1, &hyperv); },
                         ErrorKind::kernel_refused),
        HasSubstr("more than 256 leaves"));
}

TEST(CpuModel, AnEmptyListStaysOne) {
    kvm::CpuidList none;
    none.count = 0;
    for (const std::string& name : cpu_models()) {
        EXPECT_EQ(cpuid_on(none, model_of(name, {"+smap", "-xsave"})).count, 0U) << name;
    }
}

TEST(CpuWarnings, SayWhatTheHostHasNot) {
    kvm::CpuidList host = host_with_everything();
    find_leaf(host, 1)->ecx &= ~(1U << 5);
    remove_leaves(host, [](const kvm_cpuid_entry2& entry) { return entry.function == 7; });
    EXPECT_THAT(
        cpu_warnings(model_of("max", {"+vmx", "+x2apic", "+invpcid", "+smx"}), host),
        ElementsAre("warning: host doesn't support requested feature: CPUID.01H:ECX.vmx "
                    "[bit 5]",
                    "warning: host doesn't support requested feature: CPUID.07H:EBX.invpcid "
                    "[bit 10]"));
    find_leaf(host, 0x8000'0001)->ecx = 0;
    EXPECT_THAT(cpu_warnings(model_of("max", {"+svm"}), host),
                ElementsAre(HasSubstr("CPUID.80000001H:ECX.svm [bit 2]")));
}

TEST(CpuWarnings, AreOfWhatIsAskedForAlone) {
    kvm::CpuidList none;
    none.count = 0;
    EXPECT_THAT(cpu_warnings(model_of("Skylake-Server"), none), IsEmpty());
    EXPECT_THAT(cpu_warnings(model_of("max", {"-vmx"}), none), IsEmpty());
    EXPECT_THAT(cpu_warnings(model_of("max", {"+vmx", "-vmx"}), none), IsEmpty());
    EXPECT_EQ(cpu_warnings(model_of("max", {"-vmx", "+vmx"}), none).size(), 1U);
    EXPECT_EQ(cpu_warnings(model_of("max", {"+kvmclock"}), none).size(), 2U) << "both of its bits";
    EXPECT_THAT(cpu_warnings(model_of("max", {"+pmu", "+kvm"}), none), IsEmpty());
}

TEST(CpuWarnings, CapabilitiesOfVmxCannotBeChosen) {
    for (const char* feature : {"+vmx-mbec", "-vmx-mbec"}) {
        EXPECT_THAT(cpu_warnings(model_of("max", {feature}), host_with_everything()),
                    ElementsAre(HasSubstr("warning: vmx-mbec is as KVM has it")));
        EXPECT_NO_THROW(cpuid_with("max", {feature}));
    }
}

TEST(CpuWarnings, NoGuestHasMorePhysicalAddressBitsThanItsHost) {
    const kvm::CpuidList host = host_with_everything();
    EXPECT_THAT(cpu_warnings({.physical_bits = 47}, host),
                ElementsAre("warning: the guest has 46 physical address bits, not 47: so many has "
                            "the host"));
    EXPECT_THAT(cpu_warnings({.physical_bits = 46}, host), IsEmpty());
    EXPECT_THAT(cpu_warnings({.physical_bits = 47, .host_physical_bits = true}, host), IsEmpty());
}

}  // namespace
}  // namespace nestbed::vmm
