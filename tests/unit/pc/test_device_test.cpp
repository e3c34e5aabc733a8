// What of the test device needs no KVM: what it keeps, and the page that it takes away.

#include "vmm/pc/test_device.hpp"

#include <gmock/gmock.h>

#include <memory>

#include "tests/unit/machine/exits_by_hand.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {
namespace {

class TestDeviceTest : public test::ExitsByHand {
  protected:
    static constexpr std::uint64_t io_memory = 0xFF00'0000;
    static constexpr std::uint64_t io_memory_end = io_memory + 0x1'0000;

    TestDeviceTest() { device_->register_in(exits_); }

    void write_memory(std::uint64_t address, std::uint64_t value, std::uint32_t bytes) {
        std::memcpy(page().mmio.data, &value, sizeof value);
        EXPECT_EQ(memory_io(address, true, bytes), std::nullopt);
    }
    std::uint64_t read_memory(std::uint64_t address, std::uint32_t bytes) {
        std::memset(page().mmio.data, 0xA5, 8);
        EXPECT_EQ(memory_io(address, false, bytes), std::nullopt);
        for (std::size_t n = bytes; n < 8; ++n) {
            EXPECT_EQ(page().mmio.data[n], 0xA5) << "behind the access: " << n;
        }
        std::uint64_t value = 0;
        std::memcpy(&value, page().mmio.data, bytes);
        return value;
    }

    kvm::Vm vm_{Descriptor(-1)};
    GuestMemory memory_{map_backing({.kind = Backing::anon}, 2 << 20)};
    std::unique_ptr<TestDevice> device_ = std::make_unique<TestDevice>(vm_, memory_);
};

TEST_F(TestDeviceTest, APortKeepsFourBytes) {
    EXPECT_EQ(in(0xE0, 4), 0U);
    EXPECT_EQ(out(0xE0, 0x4433'2211, 4), std::nullopt);
    EXPECT_EQ(in(0xE0, 4), 0x4433'2211U);
    EXPECT_EQ(in(0xE1), 0x22U);
    EXPECT_EQ(in(0xE2, 2), 0x4433U);
    EXPECT_EQ(out(0xE1, 0xBBAA, 2), std::nullopt);
    EXPECT_EQ(in(0xE0, 4), 0x44BB'AA11U);
}

TEST_F(TestDeviceTest, BehindAPortsEndAreOnes) {
    out(0xE0, 0, 4);
    EXPECT_EQ(in(0xE3, 4), 0xFFFF'FF00U);
    EXPECT_EQ(out(0xE3, 0xDDCC'BBAA, 4), std::nullopt);
    EXPECT_EQ(in(0xE0, 4), 0xAA00'0000U);
    EXPECT_EQ(out(0xE8, 0x1234, 2), std::nullopt);
    EXPECT_EQ(in(0xE8, 1), 0x34U);
    EXPECT_EQ(in(0xE8, 4), 0xFFFF'FF34U);
    EXPECT_TRUE(port_io(0xE9, false, 1)) << "another port is not there";
}

TEST_F(TestDeviceTest, ItsMemoryKeepsWhatIsWritten) {
    write_memory(io_memory + 8, 0x8877'6655'4433'2211, 8);
    EXPECT_EQ(read_memory(io_memory + 8, 8), 0x8877'6655'4433'2211U);
    EXPECT_EQ(read_memory(io_memory + 11, 2), 0x5544U);
    write_memory(io_memory + 9, 0xAA, 1);
    EXPECT_EQ(read_memory(io_memory + 8, 4), 0x4433'AA11U);
    EXPECT_EQ(read_memory(io_memory, 8), 0U);
}

TEST_F(TestDeviceTest, ItsMemoryHasAnEnd) {
    write_memory(io_memory_end - 1, 0x1234'5678, 4);
    EXPECT_EQ(read_memory(io_memory_end - 1, 1), 0x78U);
    EXPECT_EQ(read_memory(io_memory_end - 1, 8), 0xFFFF'FFFF'FFFF'FF78U);
    EXPECT_TRUE(memory_io(io_memory_end, false, 1));
    EXPECT_TRUE(memory_io(io_memory - 1, false, 1));
}

TEST_F(TestDeviceTest, AFlushedPageKeepsItsContents) {
    ASSERT_TRUE(memory_.write(0x3FF8, std::uint64_t{0x1234}));
    EXPECT_EQ(out(0xE4, 0x3ABC, 4), std::nullopt) << "any address in the page";
    EXPECT_EQ(memory_.read<std::uint64_t>(0x3FF8), 0x1234U);
    EXPECT_TRUE(memory_.write(0x3FF8, std::uint64_t{7})) << "it can be written again";
    EXPECT_EQ(in(0xE4, 4), 0xFFFF'FFFFU);
}

TEST_F(TestDeviceTest, ThereIsNothingToFlushWhereNoMemoryIs) {
    for (const std::uint32_t address : {2U << 20, 0xFFFF'FFFFU, 0xFF00'0000U}) {
        EXPECT_EQ(out(0xE4, address, 4), std::nullopt) << address;
    }
    EXPECT_EQ(out(0xE4, (2 << 20) - 1, 4), std::nullopt) << "the last page";
}

TEST_F(TestDeviceTest, ALineReadsAsOnesAndIsTheVms) {
    EXPECT_EQ(in(0x2000), 0xFFU);
    EXPECT_EQ(in(0x2017, 4), 0xFFFF'FFFFU);
    // There is no VM.
    EXPECT_THROW(static_cast<void>(out(0x2000, 1)), Error);
    EXPECT_THROW(static_cast<void>(out(0x2017, 0)), Error);
    EXPECT_TRUE(out(0x2018, 1)) << "24 of them";
}

}  // namespace
}  // namespace nestbed::vmm
