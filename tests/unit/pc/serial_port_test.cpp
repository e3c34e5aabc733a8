// What comes out of the serial line, and what a driver of it reads.

#include "vmm/pc/serial_port.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/unit/machine/exits_by_hand.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SerialPortTest : public test::ExitsByHand {
  protected:
    static constexpr std::uint16_t com1 = 0x3F8;

    SerialPortTest() : ExitsByHand(StringAccess::one_by_one) { serial_.register_in(exits_); }

    void write(std::string_view text) {
        for (const char character : text) {
            EXPECT_EQ(out(com1, static_cast<std::uint8_t>(character)), std::nullopt);
        }
    }

    std::vector<std::string> pieces_;
    SerialPort serial_{[this](std::string_view piece) { pieces_.emplace_back(piece); }};
};

TEST_F(SerialPortTest, HandsOnLinesWithTheirEnds) {
    write("one\r\n\ntwo");
    EXPECT_THAT(pieces_, ElementsAre("one\r\n", "\n"));
    write("\nthree");
    EXPECT_THAT(pieces_, ElementsAre("one\r\n", "\n", "two\n"));
    serial_.flush();
    EXPECT_THAT(pieces_, ElementsAre("one\r\n", "\n", "two\n", "three"));
    serial_.flush();
    EXPECT_EQ(pieces_.size(), 4U) << "once only";
}

TEST_F(SerialPortTest, AnyByteIsOne) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    write(all);
    serial_.flush();
    EXPECT_THAT(pieces_, ElementsAre(all.substr(0, 11), all.substr(11)));
}

TEST_F(SerialPortTest, ALineWithoutEndComesInPieces) {
    write(std::string(1023, 'x'));
    EXPECT_THAT(pieces_, IsEmpty());
    write("y");
    EXPECT_THAT(pieces_, ElementsAre(std::string(1023, 'x') + "y"));
    write(std::string(1023, 'z') + "\n");
    EXPECT_EQ(pieces_.size(), 2U) << "a line that just fits is one piece";
    EXPECT_EQ(pieces_[1].size(), 1024U);
    write(std::string(5000, 'w'));
    serial_.flush();
    ASSERT_EQ(pieces_.size(), 7U);
    EXPECT_EQ(pieces_[6].size(), 5000U - 4 * 1024);
}

TEST_F(SerialPortTest, AStringIsWrittenAsItIs) {
    std::memcpy(port_bytes().data(), "a line\nb", 8);
    EXPECT_EQ(port_io(com1, true, 1, 8), std::nullopt);
    EXPECT_THAT(pieces_, ElementsAre("a line\n"));
}

TEST_F(SerialPortTest, IsAlwaysReady) {
    EXPECT_EQ(in(com1 + 5), 0x60U) << "line status: empty, nothing to read";
    EXPECT_EQ(in(com1 + 6), 0xB0U) << "modem status: somebody listens";
    out(com1 + 5, 0);
    out(com1 + 6, 0);
    EXPECT_EQ(in(com1 + 5), 0x60U);
    EXPECT_EQ(in(com1 + 6), 0xB0U);
    EXPECT_EQ(in(com1), 0U) << "nothing comes in";
}

TEST_F(SerialPortTest, ADriverFindsWhatItHasSet) {
    for (const int number : {1, 3, 4, 7}) {
        const std::uint8_t value = 0x0B;
        out(static_cast<std::uint16_t>(com1 + number), value);
        EXPECT_EQ(in(static_cast<std::uint16_t>(com1 + number)), value) << number;
    }
}

TEST_F(SerialPortTest, ADivisorIsNoText) {
    // As a driver sets its speed, and then writes.
    out(com1 + 1, 0x05);
    out(com1 + 3, 0x80);
    out(com1, 'x');
    out(com1 + 1, 0x01);
    EXPECT_EQ(in(com1), std::uint32_t{'x'});
    EXPECT_EQ(in(com1 + 1), 1U);
    out(com1 + 3, 0x03);
    EXPECT_EQ(in(com1), 0U);
    EXPECT_EQ(in(com1 + 1), 5U) << "which interrupts are enabled is another register";
    write("a\n");
    EXPECT_THAT(pieces_, ElementsAre("a\n"));
}

TEST_F(SerialPortTest, NoInterruptIsPending) {
    EXPECT_EQ(in(com1 + 2), 0x01U);
    out(com1 + 2, 0x00);
    EXPECT_EQ(in(com1 + 2), 0x01U) << "what was written there is the FIFOs' control";
    out(com1 + 2, 0x07);
    EXPECT_EQ(in(com1 + 2), 0xC1U) << "FIFOs are on";
}

TEST_F(SerialPortTest, WhatIsWiderGoesToOneRegisterAfterTheOther) {
    out(com1 + 3, 0x80);
    out(com1, 0x1234, 2);
    EXPECT_EQ(in(com1), 0x34U);
    EXPECT_EQ(in(com1 + 1), 0x12U);
    EXPECT_EQ(in(com1, 2), 0x1234U);
    out(com1 + 4, 0x0000'0003, 4);
    EXPECT_EQ(in(com1 + 4, 4), 0x00B0'6003U);
    // Two bytes of it are behind the last register.
    EXPECT_EQ(in(com1 + 6, 4), 0xFFFF'00B0U);
    EXPECT_EQ(out(com1 + 7, 0xAABB'CCDD, 4), std::nullopt);
    EXPECT_EQ(in(com1 + 7), 0xDDU);
    EXPECT_THAT(pieces_, IsEmpty());
}

TEST_F(SerialPortTest, ATextOfTwoBytesAtOnceIsItsFirst) {
    out(com1, 'a' | 0x05 << 8, 2);
    EXPECT_EQ(in(com1 + 1), 5U);
    write("\n");
    EXPECT_THAT(pieces_, ElementsAre("a\n"));
}

TEST_F(SerialPortTest, HasEightPorts) {
    EXPECT_TRUE(out(com1 - 1, 0));
    EXPECT_TRUE(out(com1 + 8, 0));
}

}  // namespace
}  // namespace nestbed::vmm
