// Exits made by hand in the page of a vCPU that is nothing but this page.
#pragma once

#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "vmm/machine/exit_table.hpp"
#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm::test {

/// A vCPU whose page is there, and nothing else.
inline kvm::Vcpu paper_vcpu() {
    constexpr std::size_t bytes = std::size_t{3} * 4096;
    Descriptor file(::memfd_create("kvm_run", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.get(), bytes), 0);
    return {std::move(file), bytes};
}

class ExitsByHand : public testing::Test {
  protected:
    explicit ExitsByHand(StringAccess strings = StringAccess::refused) : exits_(strings) {}

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

    /// An OUT of `value` in `bytes`.
    Answer out(std::uint16_t number, std::uint32_t value, std::uint8_t bytes = 1) {
        std::memcpy(port_bytes().data(), &value, sizeof value);
        return port_io(number, true, bytes);
    }
    /// What an IN of `bytes` finds, which must not end the run.
    std::uint32_t in(std::uint16_t number, std::uint8_t bytes = 1) {
        // What is not written is seen, and what is written beyond it.
        std::memset(port_bytes().data(), 0xA5, 8);
        EXPECT_EQ(port_io(number, false, bytes), std::nullopt);
        for (std::size_t n = bytes; n < 8; ++n) {
            EXPECT_EQ(port_bytes()[n], std::byte{0xA5}) << "behind the access: " << n;
        }
        std::uint32_t value = 0;
        std::memcpy(&value, port_bytes().data(), bytes);
        return value;
    }

    kvm_run& page() { return thread_.vcpu().run_page(); }
    std::span<std::byte> port_bytes() { return {thread_.vcpu().page_of_mapping(1), 4096}; }
    std::uint32_t& port_data() {
        return *reinterpret_cast<std::uint32_t*>(thread_.vcpu().page_of_mapping(1));
    }
    VcpuThread& thread() { return thread_; }

    ExitTable exits_;

  private:
    VcpuThread thread_{3, paper_vcpu()};
};

}  // namespace nestbed::vmm::test
