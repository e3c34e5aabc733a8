#include "vmm/pc/firmware_configuration.hpp"

#include <gtest/gtest.h>

#include "tests/unit/machine/exits_by_hand.hpp"

namespace nestbed::vmm {
namespace {

class FirmwareConfigurationTest : public test::ExitsByHand {
  protected:
    static constexpr std::uint16_t selector = 0x510;
    static constexpr std::uint16_t item_data = 0x511;

    FirmwareConfigurationTest() { configuration_.register_in(exits_); }

    void select(std::uint16_t number) { EXPECT_EQ(out(selector, number, 2), std::nullopt); }
    /// As a guest reads it: the lowest byte first.
    std::uint64_t number(std::uint16_t item, std::size_t bytes) {
        select(item);
        std::uint64_t value = 0;
        for (std::size_t n = 0; n < bytes; ++n) {
            value |= std::uint64_t{in(item_data)} << 8 * n;
        }
        return value;
    }

    FirmwareConfiguration configuration_{{.cpus = 300, .memory = 0x12'3456'7000}};
};

TEST_F(FirmwareConfigurationTest, IsQemus) {
    EXPECT_EQ(in(item_data), std::uint32_t{'Q'}) << "it is selected from the beginning";
    select(0);
    std::string text;
    for (int n = 0; n < 4; ++n) {
        text += static_cast<char>(in(item_data));
    }
    EXPECT_EQ(text, "QEMU");
}

TEST_F(FirmwareConfigurationTest, HasTheSizesOfThePc) {
    EXPECT_EQ(number(0x03, 8), 0x12'3456'7000U);
    EXPECT_EQ(number(0x05, 2), 300U);
    EXPECT_EQ(number(0x0F, 2), 300U);
}

TEST_F(FirmwareConfigurationTest, SelectingBeginsAnew) {
    EXPECT_EQ(number(0x05, 1), 300U & 0xFF);
    EXPECT_EQ(number(0x05, 2), 300U);
    EXPECT_EQ(in(selector, 2), 0x05U);
}

TEST_F(FirmwareConfigurationTest, BehindAnItemAreZeroes) {
    EXPECT_EQ(number(0x05, 8), 300U);
    for (int n = 0; n < 1000; ++n) {
        ASSERT_EQ(in(item_data), 0U);
    }
}

TEST_F(FirmwareConfigurationTest, AnItemThatIsNotThereHasZeroes) {
    for (const int item : {0x01, 0x02, 0x19, 0x8003, 0xFFFF}) {
        EXPECT_EQ(number(static_cast<std::uint16_t>(item), 8), 0U) << item;
    }
}

TEST_F(FirmwareConfigurationTest, WritesChangeNothing) {
    select(0);
    EXPECT_EQ(out(item_data, 'X'), std::nullopt);
    EXPECT_EQ(in(item_data), std::uint32_t{'Q'}) << "and are no step";
}

TEST_F(FirmwareConfigurationTest, AStringReadIsAnItem) {
    // Each element is an access of its own: see StringAccess.
    exits_ = ExitTable(StringAccess::one_by_one);
    configuration_.register_in(exits_);
    select(0);
    EXPECT_EQ(port_io(item_data, false, 1, 4), std::nullopt);
    EXPECT_EQ(std::memcmp(port_bytes().data(), "QEMU", 4), 0);
}

}  // namespace
}  // namespace nestbed::vmm
