// Exceptions in kernel mode: vector, error code, CR2 and the saved registers. Those that user mode
// raises are in the user suite.

#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/arch/page_fault.hpp"
#include "shared/channel/layout.hpp"

namespace nestbed::guest {
namespace {

using arch::Exception;
using arch::PageFaultError;

constexpr std::uint64_t unmapped = 0x1234'5678'9AB8;
constexpr std::uint64_t non_canonical = 0x8000'0000'0000'0000;

void read_from(std::uint64_t address) {
    asm volatile("mov (%0), %%rax" : : "r"(address) : "rax", "memory");
}

void write_to(std::uint64_t address) { asm volatile("movq $1, (%0)" : : "r"(address) : "memory"); }

void call(std::uint64_t address) { asm volatile("call *%0" : : "r"(address) : "memory"); }

void expect_page_fault(const std::optional<Trap>& trap, std::uint64_t address,
                       std::uint64_t error_code) {
    GUEST_REQUIRE(trap.has_value());
    GUEST_EXPECT_EQ(trap->vector(), static_cast<std::uint8_t>(Exception::page_fault));
    GUEST_EXPECT_EQ(trap->cr2, address);
    GUEST_EXPECT_EQ(trap->frame.error_code, error_code);
}

GUEST_TEST(exceptions, read_of_a_missing_page) {
    expect_page_fault(catch_trap([] { read_from(unmapped); }), unmapped, 0);
}

void read_unmapped() { read_from(unmapped); }

GUEST_TEST(exceptions, whatever_can_be_called_may_trap) {
    const auto constant = [] { read_from(unmapped); };
    expect_page_fault(catch_trap(constant), unmapped, 0);
    expect_page_fault(catch_trap(read_unmapped), unmapped, 0);
    std::uint64_t address = unmapped;
    auto changing = [address]() mutable { read_from(address++); };
    expect_page_fault(catch_trap(changing), unmapped, 0);
    GUEST_EXPECT(!catch_trap([&address] { address = 0; }).has_value());
    GUEST_EXPECT_EQ(address, 0U);
}

GUEST_TEST(exceptions, write_to_a_missing_page) {
    expect_page_fault(catch_trap([] { write_to(unmapped); }), unmapped, PageFaultError::write_bit);
}

GUEST_TEST(exceptions, write_to_a_read_only_page) {
    static constexpr std::uint64_t constant = 42;
    const auto address = reinterpret_cast<std::uint64_t>(&constant);
    expect_page_fault(catch_trap([&] { write_to(address); }), address,
                      PageFaultError::present_bit | PageFaultError::write_bit);
}

GUEST_TEST(exceptions, fetch_from_a_no_execute_page, {.tags = "needs-nx"}) {
    if (boot_info().features.no_execute == 0) {
        GUEST_SKIP("no execute-disable bit");
    }
    // The direct map is not executable.
    const std::uint64_t address = channel::layout::direct_map + channel::layout::image_physical;
    expect_page_fault(catch_trap([&] { call(address); }), address,
                      PageFaultError::present_bit | PageFaultError::fetch_bit);
}

GUEST_TEST(exceptions, non_canonical_address) {
    const auto trap = catch_trap([] { read_from(non_canonical); });
    GUEST_REQUIRE(trap.has_value());
    GUEST_EXPECT_EQ(trap->vector(), static_cast<std::uint8_t>(Exception::general_protection));
    GUEST_EXPECT_EQ(trap->frame.error_code, 0U);
}

GUEST_TEST(exceptions, selector_beyond_the_gdt) {
    constexpr std::uint16_t selector = 0xFFF8;
    const auto trap = catch_trap([] { asm volatile("mov %w0, %%ds" : : "r"(selector)); });
    GUEST_REQUIRE(trap.has_value());
    GUEST_EXPECT_EQ(trap->vector(), static_cast<std::uint8_t>(Exception::general_protection));
    GUEST_EXPECT_EQ(trap->frame.error_code, selector);
}

GUEST_TEST(exceptions, invalid_opcode) {
    const auto trap = catch_trap([] { asm volatile("ud2"); });
    GUEST_REQUIRE(trap.has_value());
    GUEST_EXPECT_EQ(trap->vector(), static_cast<std::uint8_t>(Exception::invalid_opcode));
    GUEST_EXPECT_EQ(trap->frame.error_code, 0U);
}

GUEST_TEST(exceptions, divide_error) {
    const auto trap = catch_trap([] {
        std::uint32_t low = 1;
        std::uint32_t high = 0;
        asm volatile("divl %2" : "+a"(low), "+d"(high) : "r"(0));
    });
    GUEST_REQUIRE(trap.has_value());
    GUEST_EXPECT_EQ(trap->vector(), static_cast<std::uint8_t>(Exception::divide_error));
}

GUEST_TEST(exceptions, the_frame_holds_every_register) {
    static std::uint64_t faulting_address;  // static: no register is left to point to it
    const auto trap = catch_trap([&] {
        asm volatile(
            "lea 1f(%%rip), %%rax\n\t"
            "mov %%rax, %0\n\t"
            "mov $1, %%eax\n\tmov $2, %%ebx\n\tmov $3, %%ecx\n\tmov $4, %%edx\n\t"
            "mov $5, %%esi\n\tmov $6, %%edi\n\tmov $8, %%r8d\n\tmov $9, %%r9d\n\t"
            "mov $10, %%r10d\n\tmov $11, %%r11d\n\tmov $12, %%r12d\n\tmov $13, %%r13d\n\t"
            "mov $14, %%r14d\n\tmov $15, %%r15d\n"
            "1: ud2"
            : "=m"(faulting_address)
            :
            : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
              "r14", "r15", "memory");
    });
    GUEST_REQUIRE(trap.has_value());
    const TrapFrame& frame = trap->frame;
    GUEST_EXPECT_EQ(frame.rip, faulting_address);
    GUEST_EXPECT_EQ(frame.rax, 1U);
    GUEST_EXPECT_EQ(frame.rbx, 2U);
    GUEST_EXPECT_EQ(frame.rcx, 3U);
    GUEST_EXPECT_EQ(frame.rdx, 4U);
    GUEST_EXPECT_EQ(frame.rsi, 5U);
    GUEST_EXPECT_EQ(frame.rdi, 6U);
    GUEST_EXPECT_EQ(frame.r8, 8U);
    GUEST_EXPECT_EQ(frame.r9, 9U);
    GUEST_EXPECT_EQ(frame.r10, 10U);
    GUEST_EXPECT_EQ(frame.r11, 11U);
    GUEST_EXPECT_EQ(frame.r12, 12U);
    GUEST_EXPECT_EQ(frame.r13, 13U);
    GUEST_EXPECT_EQ(frame.r14, 14U);
    GUEST_EXPECT_EQ(frame.r15, 15U);
    GUEST_EXPECT_EQ(frame.cs & 3U, 0U);
}

GUEST_TEST(exceptions, scopes_nest) {
    bool outer_went_on = false;
    const auto outer = catch_trap([&] {
        const auto inner = catch_trap([] { asm volatile("ud2"); });
        outer_went_on = inner.has_value();
        read_from(unmapped);
    });
    GUEST_EXPECT(outer_went_on);
    expect_page_fault(outer, unmapped, 0);
    GUEST_EXPECT(!catch_trap([] {}).has_value());
}

GUEST_TEST(exceptions, nmi_comes_through_with_interrupts_off, {.cpus = 2}) {
    static constinit std::atomic<std::uint32_t> taken{0};
    set_interrupt_handler(static_cast<std::uint8_t>(Exception::nmi),
                          [](TrapFrame&) { taken.fetch_add(1); });
    constexpr std::uint32_t sent = 5;
    static constinit std::atomic<bool> ready{false};
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 1) {
            const InterruptsOff guard;
            ready.store(true);
            while (taken.load() < sent) {
                pause();
            }
            return;
        }
        while (!ready.load()) {
            pause();
        }
        for (std::uint32_t n = 0; n < sent; ++n) {
            apic::send_nmi(1);
            // NMIs do not queue beyond one: the next is sent when this one was taken.
            while (taken.load() == n) {
                pause();
            }
        }
    });
    GUEST_EXPECT_EQ(taken.load(), sent);
}

}  // namespace
}  // namespace nestbed::guest
