#include "vmm/machine/long_mode.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>

namespace nestbed::vmm {
namespace {

using arch::cpuid::Vendor;

/// What guests are told of a processor whose CPUID spells this name.
channel::Features features_with(std::string_view vendor) {
    std::array<std::uint32_t, 3> words{};
    std::memcpy(words.data(), vendor.data(), vendor.size());
    std::array<kvm_cpuid_entry2, 2> cpuid{};
    cpuid[0].function = arch::cpuid::leaf_vendor;
    cpuid[0].ebx = words[0];
    cpuid[0].edx = words[1];
    cpuid[0].ecx = words[2];
    cpuid[1].function = arch::cpuid::leaf_amd_features;
    cpuid[1].edx = arch::cpuid::edx_no_execute | arch::cpuid::edx_page_1g;
    return features_of(cpuid);
}

TEST(Features, NameTheVendorAndItsReservedBits) {
    for (const std::string_view amd : {"AuthenticAMD", "HygonGenuine"}) {
        EXPECT_EQ(features_with(amd).vendor, Vendor::amd) << amd;
        EXPECT_TRUE(features_with(amd).entry_format().root_global_reserved) << amd;
    }
    for (const std::string_view other : {"GenuineIntel", "AuthenticAMd", ""}) {
        EXPECT_EQ(features_with(other).vendor, Vendor::other) << other;
        EXPECT_FALSE(features_with(other).entry_format().root_global_reserved) << other;
    }
}

TEST(Features, AreTheFormatOfEntries) {
    const paging::EntryFormat format = features_with("GenuineIntel").entry_format();
    EXPECT_TRUE(format.nxe && format.pages_1g);
    EXPECT_EQ(format.maxphyaddr, 36) << "where no leaf says how many";
    EXPECT_FALSE(channel::Features{}.entry_format().nxe);
    EXPECT_FALSE(channel::Features{}.entry_format().pages_1g);
}

}  // namespace
}  // namespace nestbed::vmm
