#include "shared/arch/page_fault.hpp"

#include <gtest/gtest.h>

namespace nestbed::arch {
namespace {

TEST(PageFaultError, DecodesEachBit) {
    EXPECT_TRUE(PageFaultError(0x1).present());
    EXPECT_TRUE(PageFaultError(0x2).write());
    EXPECT_TRUE(PageFaultError(0x4).user());
    EXPECT_TRUE(PageFaultError(0x8).reserved());
    EXPECT_TRUE(PageFaultError(0x10).fetch());
    EXPECT_TRUE(PageFaultError(0x20).protection_key());
    EXPECT_TRUE(PageFaultError(0x40).shadow_stack());
    EXPECT_TRUE(PageFaultError(0x80).hlat());
    EXPECT_TRUE(PageFaultError(0x8000).sgx());
    const PageFaultError none;
    EXPECT_FALSE(none.present() || none.write() || none.user() || none.reserved() || none.fetch() ||
                 none.protection_key() || none.shadow_stack() || none.hlat() || none.sgx());
}

TEST(PageFaultError, KeepsUnknownBits) {
    EXPECT_EQ(PageFaultError(0x8000'0100).raw(), 0x8000'0100u);
    EXPECT_EQ(PageFaultError().with(PageFaultError::write_bit), PageFaultError(2));
}

}  // namespace
}  // namespace nestbed::arch
