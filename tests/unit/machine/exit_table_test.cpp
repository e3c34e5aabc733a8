// Which exit goes to which device, by exits made by hand in a vCPU's page.

#include "vmm/machine/exit_table.hpp"

#include <gmock/gmock.h>
#include <linux/kvm.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

constexpr std::uint16_t port = 0x5E0;
constexpr std::uint64_t address = 0xD000'0000;

/// A vCPU whose page is there, and nothing else.
kvm::Vcpu paper_vcpu() {
    constexpr std::size_t bytes = std::size_t{3} * 4096;
    Descriptor file(::memfd_create("kvm_run", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.get(), bytes), 0);
    return {std::move(file), bytes};
}

class ExitTableTest : public testing::Test {
  protected:
    /// What the guest's `bytes` of IN or OUT, `count` times, is answered with.
    Answer port_io(std::uint16_t number, bool out, std::uint8_t bytes = 4,
                   std::uint32_t count = 1) {
        page().exit_reason = KVM_EXIT_IO;
        page().io.direction = out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
        page().io.size = bytes;
        page().io.port = number;
        page().io.count = count;
        page().io.data_offset = 4096;
        return exits_.answer(thread_);
    }
    Answer memory_io(std::uint64_t guest_physical, bool write, std::uint32_t bytes = 4) {
        page().exit_reason = KVM_EXIT_MMIO;
        page().mmio.phys_addr = guest_physical;
        page().mmio.is_write = write ? 1 : 0;
        page().mmio.len = bytes;
        return exits_.answer(thread_);
    }
    Answer exit_for(std::uint32_t reason) {
        page().exit_reason = reason;
        return exits_.answer(thread_);
    }

    kvm_run& page() { return thread_.vcpu().run_page(); }
    std::uint32_t& port_data() {
        return *reinterpret_cast<std::uint32_t*>(thread_.vcpu().page_of_mapping(1));
    }
    VcpuThread& thread() { return thread_; }
    Access access() {
        return {.vcpu = thread_,
                .to = Access::To::port,
                .address = port,
                .is_write = true,
                .data = {thread_.vcpu().page_of_mapping(1), 4}};
    }

    ExitTable exits_;

  private:
    VcpuThread thread_{3, paper_vcpu()};
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
