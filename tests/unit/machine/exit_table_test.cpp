// Which exit goes to which device, by exits made by hand in a vCPU's page.

#include "vmm/machine/exit_table.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/machine/exits_by_hand.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

constexpr std::uint16_t port = 0x5E0;
constexpr std::uint64_t address = 0xD000'0000;

class ExitTableTest : public test::ExitsByHand {
  protected:
    using ExitsByHand::ExitsByHand;

    Access access() {
        return {.vcpu = thread(),
                .to = Access::To::port,
                .address = port,
                .is_write = true,
                .data = port_bytes().first(4)};
    }
};

/// As a PC has it.
class StringAccessTest : public ExitTableTest {
  protected:
    StringAccessTest() : ExitTableTest(StringAccess::one_by_one) {}
};

MATCHER_P(IsUnexpected, text, "") {
    return arg.has_value() && arg->ending == Ending::unexpected_exit && arg->cpu == 3 &&
           testing::ExplainMatchResult(HasSubstr(text), arg->detail, result_listener);
}

TEST_F(ExitTableTest, ACallReachesItsPortAndNoOther) {
    std::vector<std::uint32_t> values;
    for (const std::uint16_t number : {port, std::uint16_t{0}, std::uint16_t{0xFFFF}}) {
        exits_.add_port(number, on_call([&, number](const Access& call, std::uint32_t value) {
                            EXPECT_EQ(call.vcpu.cpu(), 3U);
                            EXPECT_EQ(call.address, number);
                            values.push_back(value);
                            return Answer();
                        }));
    }
    port_data() = 7;
    EXPECT_EQ(port_io(port, true), std::nullopt);
    port_data() = 0xFFFF'FFFF;
    EXPECT_EQ(port_io(0, true), std::nullopt);
    EXPECT_EQ(port_io(0xFFFF, true), std::nullopt);
    EXPECT_THAT(port_io(port + 1, true),
                IsUnexpected("a 4-byte write to port 0x5e1, which is no port of this machine"));
    EXPECT_THAT(values, testing::ElementsAre(7, 0xFFFF'FFFF, 0xFFFF'FFFF));
}

TEST_F(ExitTableTest, ACallIsOneWriteOf32Bits) {
    exits_.add_port(port, on_call([](const Access&, std::uint32_t) {
                        ADD_FAILURE();
                        return Answer();
                    }));
    EXPECT_THAT(port_io(port, true, 2), IsUnexpected("a 2-byte write to port 0x5e0"));
    EXPECT_THAT(port_io(port, true, 1, 4), IsUnexpected("a 4-byte write to port 0x5e0"));
    EXPECT_THAT(port_io(port, true, 4, 2), IsUnexpected("a 8-byte write to port 0x5e0"));
    EXPECT_THAT(port_io(port, false), IsUnexpected("a 4-byte read from port 0x5e0"));
}

TEST_F(ExitTableTest, AReadFindsItsValue) {
    exits_.add_port(port, [](const Access& read) { return read.read_as(1234); });
    EXPECT_EQ(port_io(port, false), std::nullopt);
    EXPECT_EQ(port_data(), 1234U);
    EXPECT_THAT(port_io(port, true), IsUnexpected("a 4-byte write"));
    EXPECT_THAT(port_io(port, false, 1), IsUnexpected("a 1-byte read from"));
}

TEST_F(ExitTableTest, ADeviceEndsTheRun) {
    exits_.add_port(port, on_call([](const Access& call, std::uint32_t) {
                        return call.end(Ending::finished);
                    }));
    EXPECT_EQ(port_io(port, true)->ending, Ending::finished);
}

TEST_F(ExitTableTest, MemoryBelongsToARangeUpToItsEnd) {
    std::uint64_t answered = 0;
    exits_.add_memory(address, address + 0x1000, [&](const Access& access) {
        EXPECT_EQ(access.to, Access::To::memory);
        answered = access.address;
        return access.is_write ? Answer() : access.read_as(5);
    });
    exits_.add_memory(address + 0x1000, address + 0x2000,
                      [](const Access& access) { return access.refuse("the next one"); });
    for (const std::uint64_t inside : {address, address + 0xFFF}) {
        EXPECT_EQ(memory_io(inside, true), std::nullopt);
        EXPECT_EQ(answered, inside);
    }
    EXPECT_EQ(memory_io(address, false), std::nullopt);
    EXPECT_EQ(page().mmio.data[0], 5);
    EXPECT_THAT(memory_io(address + 0x1000, true), IsUnexpected("0xd0001000: the next one"));
    for (const std::uint64_t outside : {address - 1, address + 0x2000}) {
        EXPECT_THAT(memory_io(outside, false, 8),
                    IsUnexpected("a read of 8 bytes at guest physical"));
    }
}

TEST_F(ExitTableTest, AReasonGoesToWhoRegisteredIt) {
    EXPECT_THAT(exit_for(KVM_EXIT_DIRTY_RING_FULL), IsUnexpected("an exit for reason 31"));
    exits_.add_reason(KVM_EXIT_DIRTY_RING_FULL, [](VcpuThread& vcpu) {
        EXPECT_EQ(vcpu.cpu(), 3U);
        return Answer();
    });
    EXPECT_EQ(exit_for(KVM_EXIT_DIRTY_RING_FULL), std::nullopt);
    EXPECT_EQ(exit_for(KVM_EXIT_SHUTDOWN)->ending, Ending::triple_fault);
    EXPECT_EQ(exit_for(KVM_EXIT_FAIL_ENTRY)->ending, Ending::entry_failed);
    EXPECT_EQ(exit_for(KVM_EXIT_INTERNAL_ERROR)->ending, Ending::internal_error);
    EXPECT_EQ(exit_for(KVM_EXIT_INTR), std::nullopt);
}

TEST_F(ExitTableTest, APlaceHasOneDevice) {
    const Device device = [](const Access&) { return Answer(); };
    exits_.add_port(port, device);
    EXPECT_THROW(exits_.add_port(port, device), Error);
    exits_.add_memory(address, address + 0x1000, device);
    for (const std::uint64_t first : {address - 1, address, address + 0xFFF}) {
        EXPECT_THROW(exits_.add_memory(first, first + 2, device), Error) << first;
    }
    EXPECT_NO_THROW(exits_.add_memory(address + 0x1000, address + 0x1001, device));
    EXPECT_NO_THROW(exits_.add_memory(address - 1, address, device));
}

// Ranges of ports, the rest, and any width.

TEST_F(ExitTableTest, PortsBelongToARangeUpToItsEnd) {
    std::vector<std::uint64_t> answered;
    exits_.add_ports(port, 4, [&](const Access& access) {
        answered.push_back(access.address);
        return Answer();
    });
    exits_.add_ports(0xFFFE, 2, [&](const Access& access) {
        answered.push_back(access.address);
        return Answer();
    });
    for (const std::uint16_t inside : {port, std::uint16_t{port + 3}, std::uint16_t{0xFFFF}}) {
        EXPECT_EQ(port_io(inside, true, 1), std::nullopt);
    }
    EXPECT_THAT(answered, testing::ElementsAre(port, port + 3, 0xFFFF));
    for (const int outside : {port - 1, port + 4, 0, 0xFFFD}) {
        EXPECT_THAT(port_io(static_cast<std::uint16_t>(outside), true, 1),
                    IsUnexpected("which is no port of this machine"));
    }
    EXPECT_THROW(exits_.add_port(port + 3, {}), Error);
    EXPECT_THROW(exits_.add_ports(port - 2, 3, {}), Error);
    EXPECT_NO_THROW(exits_.add_port(port + 4, {}));
    EXPECT_NO_THROW(exits_.add_ports(port - 2, 2, {}));
}

TEST_F(ExitTableTest, TheRestIsWhatHasNoDevice) {
    std::vector<std::uint64_t> rest;
    exits_.add_rest([&](const Access& access) {
        rest.push_back(access.address);
        return access.is_write ? Answer() : access.put(~std::uint64_t{0});
    });
    exits_.add_port(port, [](const Access& access) { return access.end(Ending::finished); });
    exits_.add_memory(address, address + 8,
                      [](const Access& access) { return access.end(Ending::finished); });
    EXPECT_TRUE(port_io(port, true));
    EXPECT_TRUE(memory_io(address, true));
    EXPECT_EQ(in(port + 1, 2), 0xFFFFU);
    EXPECT_EQ(memory_io(address + 8, true), std::nullopt);
    EXPECT_EQ(memory_io(port, true), std::nullopt) << "memory of a port's number is no port";
    EXPECT_THAT(rest, testing::ElementsAre(port + 1, address + 8, port));
    EXPECT_THAT(exit_for(KVM_EXIT_DIRTY_RING_FULL), IsUnexpected("an exit for reason 31"));
}

TEST_F(ExitTableTest, AValueHasTheAccesssWidth) {
    std::uint64_t value = 0;
    exits_.add_port(port, [&](const Access& access) {
        value = access.value();
        return Answer();
    });
    exits_.add_memory(address, address + 8, [&](const Access& access) {
        value = access.value();
        return access.is_write ? Answer() : access.put(0x8877'6655'4433'2211);
    });
    std::memset(port_bytes().data(), 0xFF, 8);
    for (const auto& [bytes, expected] :
         {std::pair(1, 0xFFU), std::pair(2, 0xFFFFU), std::pair(4, 0xFFFF'FFFFU)}) {
        EXPECT_EQ(port_io(port, true, static_cast<std::uint8_t>(bytes)), std::nullopt);
        EXPECT_EQ(value, expected) << bytes;
    }
    std::memset(page().mmio.data, 0x77, 8);
    EXPECT_EQ(memory_io(address, true, 8), std::nullopt);
    EXPECT_EQ(value, 0x7777'7777'7777'7777U);
    EXPECT_EQ(memory_io(address, false, 3), std::nullopt);
    EXPECT_THAT(page().mmio.data,
                testing::ElementsAre(0x11, 0x22, 0x33, 0x77, 0x77, 0x77, 0x77, 0x77));
    EXPECT_EQ(memory_io(address, false, 8), std::nullopt);
    EXPECT_EQ(page().mmio.data[7], 0x88);
}

// String instructions.

TEST_F(StringAccessTest, AreMadeOneByOneInTheirOrder) {
    std::string written;
    std::uint8_t next = 0;
    exits_.add_port(port, [&](const Access& access) -> Answer {
        EXPECT_EQ(access.data.size(), 1U);
        if (!access.is_write) {
            return access.put(next++);
        }
        written += static_cast<char>(access.value());
        return std::nullopt;
    });
    std::memcpy(port_bytes().data(), "nestbed!", 8);
    EXPECT_EQ(port_io(port, true, 1, 7), std::nullopt);
    EXPECT_EQ(written, "nestbed");
    EXPECT_EQ(port_io(port, false, 1, 3), std::nullopt);
    EXPECT_EQ(port_data(), std::uint32_t{'t'} << 24 | 0x02'01'00);
}

TEST_F(StringAccessTest, HaveTheirWidth) {
    std::vector<std::uint64_t> written;
    exits_.add_port(port, [&](const Access& access) {
        EXPECT_EQ(access.address, port);
        written.push_back(access.value());
        return Answer();
    });
    std::memcpy(port_bytes().data(), "\1\0\2\0\3\0\4\0", 8);
    EXPECT_EQ(port_io(port, true, 2, 4), std::nullopt);
    EXPECT_EQ(port_io(port, true, 4, 2), std::nullopt);
    EXPECT_THAT(written, testing::ElementsAre(1, 2, 3, 4, 0x2'0001, 0x4'0003));
}

TEST_F(StringAccessTest, EndWhereTheRunDoes) {
    int made = 0;
    exits_.add_port(port, [&](const Access& access) -> Answer {
        return ++made == 3 ? Answer(access.end(Ending::finished, "the third")) : std::nullopt;
    });
    const Answer answer = port_io(port, true, 1, 8);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->detail, "the third");
    EXPECT_EQ(made, 3);
}

TEST_F(StringAccessTest, ToNoDeviceAreOfOneElement) {
    EXPECT_THAT(port_io(port, true, 2, 4), IsUnexpected("a 2-byte write to port 0x5e0"));
}

// One at a time.

TEST_F(ExitTableTest, WhoComesMeanwhileIsRefusedAndDoesNotWait) {
    Device device;
    int calls = 0;
    device = one_at_a_time([&](const Access& first) {
        if (++calls <= 2) {
            EXPECT_THAT(device(first), IsUnexpected("another vCPU"));
        }
        return Answer();
    });
    EXPECT_EQ(device(access()), std::nullopt);
    EXPECT_EQ(device(access()), std::nullopt) << "and it is free again";
    EXPECT_EQ(calls, 2);
}

TEST_F(ExitTableTest, OfThoseThatComeAtOnceOneIsInside) {
    std::atomic<int> inside = 0;
    const Device device = one_at_a_time([&](const Access&) {
        EXPECT_EQ(inside.fetch_add(1), 0);
        std::this_thread::yield();
        inside.fetch_sub(1);
        return Answer();
    });
    constexpr std::size_t cpus = 4;
    std::vector<std::jthread> vcpus;
    vcpus.reserve(cpus);
    for (std::size_t n = 0; n < cpus; ++n) {
        vcpus.emplace_back([&] {
            for (int round = 0; round < 1000; ++round) {
                static_cast<void>(device(access()));
            }
        });
    }
}

}  // namespace
}  // namespace nestbed::vmm
