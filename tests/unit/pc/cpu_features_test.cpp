#include "vmm/pc/cpu_features.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "vmm/base/text.hpp"
#include "vmm/pc/cpu_definitions.hpp"

namespace nestbed::vmm {
namespace {

/// Where the first word that knows the name has it: "7.0.EBX.20".
std::string place_of(std::string_view name) {
    for (const FeatureWord& word : feature_words()) {
        for (unsigned bit = 0; bit < 32; ++bit) {
            if ((feature_bits(word, name) >> bit & 1) != 0) {
                return fmt::format("{:x}.{}.{}.{}", word.leaf, word.subleaf, word.register_name,
                                   bit);
            }
        }
    }
    return "nowhere";
}

TEST(CpuFeatures, AreWhereTheManualsHaveThem) {
    const std::map<std::string, std::string> places{
        {"pni", "1.0.ECX.0"},
        {"monitor", "1.0.ECX.3"},
        {"vmx", "1.0.ECX.5"},
        {"pcid", "1.0.ECX.17"},
        {"x2apic", "1.0.ECX.21"},
        {"tsc-deadline", "1.0.ECX.24"},
        {"xsave", "1.0.ECX.26"},
        {"avx", "1.0.ECX.28"},
        {"rdrand", "1.0.ECX.30"},
        {"hypervisor", "1.0.ECX.31"},
        {"fpu", "1.0.EDX.0"},
        {"apic", "1.0.EDX.9"},
        {"sep", "1.0.EDX.11"},
        {"clflush", "1.0.EDX.19"},
        {"ht", "1.0.EDX.28"},
        {"pbe", "1.0.EDX.31"},
        {"arat", "6.0.EAX.2"},
        {"fsgsbase", "7.0.EBX.0"},
        {"tsc-adjust", "7.0.EBX.1"},
        {"smep", "7.0.EBX.7"},
        {"invpcid", "7.0.EBX.10"},
        {"mpx", "7.0.EBX.14"},
        {"avx512f", "7.0.EBX.16"},
        {"smap", "7.0.EBX.20"},
        {"intel-pt", "7.0.EBX.25"},
        {"avx512vl", "7.0.EBX.31"},
        {"umip", "7.0.ECX.2"},
        {"pku", "7.0.ECX.3"},
        {"shstk", "7.0.ECX.7"},
        {"la57", "7.0.ECX.16"},
        {"rdpid", "7.0.ECX.22"},
        {"pks", "7.0.ECX.31"},
        {"arch-lbr", "7.0.EDX.19"},
        {"ibt", "7.0.EDX.20"},
        {"amx-tile", "7.0.EDX.24"},
        {"spec-ctrl", "7.0.EDX.26"},
        {"ssbd", "7.0.EDX.31"},
        {"fred", "7.1.EAX.17"},
        {"lam", "7.1.EAX.26"},
        {"avx10", "7.1.EDX.19"},
        {"apxf", "7.1.EDX.21"},
        {"bhi-ctrl", "7.2.EDX.4"},
        {"xsaves", "d.1.EAX.3"},
        {"xfd", "d.1.EAX.4"},
        {"kvmclock", "40000001.0.EAX.0"},
        {"kvm-pv-eoi", "40000001.0.EAX.6"},
        {"kvm-msi-ext-dest-id", "40000001.0.EAX.15"},
        {"kvmclock-stable-bit", "40000001.0.EAX.24"},
        {"svm", "80000001.0.ECX.2"},
        {"skinit", "80000001.0.ECX.12"},
        {"topoext", "80000001.0.ECX.22"},
        {"syscall", "80000001.0.EDX.11"},
        {"nx", "80000001.0.EDX.20"},
        {"rdtscp", "80000001.0.EDX.27"},
        {"lm", "80000001.0.EDX.29"},
        {"3dnow", "80000001.0.EDX.31"},
        {"succor", "80000007.0.EBX.1"},
        {"invtsc", "80000007.0.EDX.8"},
        {"ibpb", "80000008.0.EBX.12"},
        {"amd-psfd", "80000008.0.EBX.28"},
        {"npt", "8000000a.0.EDX.0"},
        {"avic", "8000000a.0.EDX.13"},
        {"vgif", "8000000a.0.EDX.16"},
        {"svme-addr-chk", "8000000a.0.EDX.28"},
        {"auto-ibrs", "80000021.0.EAX.8"},
        {"srso-no", "80000021.0.EAX.29"},
        {"perfmon-v2", "80000022.0.EAX.0"},
    };
    for (const auto& [name, place] : places) {
        EXPECT_EQ(place_of(name), place) << name;
        EXPECT_TRUE(is_feature(name)) << name;
    }
}

TEST(CpuFeatures, KvmsClockHasTwoBits) {
    for (const FeatureWord& word : feature_words()) {
        if (word.leaf == 0x4000'0001) {
            EXPECT_EQ(feature_bits(word, "kvmclock"), 1U | 8U);
        }
    }
}

TEST(CpuFeatures, NoOtherNameIsThereTwice) {
    std::set<std::string> names;
    for (const std::string& name : feature_names()) {
        EXPECT_TRUE(names.insert(name).second || name == "kvmclock") << name;
    }
}

TEST(CpuFeatures, ARegisterHas32) {
    for (const FeatureWord& word : feature_words()) {
        EXPECT_LE(split(word.names, ' ').size(), 32U) << word.names;
    }
}

TEST(CpuFeatures, OlderNamesAreKnown) {
    EXPECT_EQ(place_of("sse3"), place_of("pni"));
    EXPECT_EQ(place_of("sse4-1"), "1.0.ECX.19");
    EXPECT_EQ(place_of("sse4-2"), "1.0.ECX.20");
    EXPECT_EQ(place_of("xd"), place_of("nx"));
    EXPECT_EQ(place_of("i64"), place_of("lm"));
    EXPECT_EQ(place_of("ffxsr"), "80000001.0.EDX.25");
}

TEST(CpuFeatures, OtherNamesAreNone) {
    for (const char* name : {"", "-", "vm", "vmx ", "vmx pcid", "rdpru"}) {
        EXPECT_FALSE(is_feature(name)) << name;
    }
}

TEST(CpuDefinitions, NameFeaturesThatThereAre) {
    for (const CpuDefinition& definition : cpu_definitions()) {
        for (const std::string_view features : {common_features, definition.features}) {
            for (const std::string_view name : split(features, ' ')) {
                EXPECT_TRUE(is_feature(name)) << definition.name << ": " << name;
            }
        }
    }
}

}  // namespace
}  // namespace nestbed::vmm
