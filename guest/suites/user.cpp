// User mode: going there, coming back, and what it may not do.

#include <array>
#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/arch/page_fault.hpp"

namespace nestbed::guest {
namespace {

using arch::Exception;
using arch::PageFaultError;

GUEST_USER std::uint64_t add(std::uint64_t first, std::uint64_t second) { return first + second; }

GUEST_USER std::uint64_t read(std::uint64_t address, std::uint64_t) {
    return *reinterpret_cast<volatile std::uint64_t*>(address);
}

GUEST_USER std::uint64_t write(std::uint64_t address, std::uint64_t value) {
    *reinterpret_cast<volatile std::uint64_t*>(address) = value;
    return 0;
}

GUEST_USER std::uint64_t call(std::uint64_t address, std::uint64_t) {
    reinterpret_cast<void (*)()>(address)();
    return 0;
}

GUEST_USER std::uint64_t code_selector(std::uint64_t, std::uint64_t) {
    std::uint64_t selector = 0;
    asm volatile("mov %%cs, %0" : "=r"(selector));
    return selector;
}

GUEST_USER std::uint64_t halt(std::uint64_t, std::uint64_t) {
    asm volatile("hlt");
    return 0;
}

void expect_page_fault(const UserResult& result, std::uint64_t address, std::uint64_t error_code) {
    GUEST_EXPECT(!result.returned);
    GUEST_EXPECT_EQ(result.trap.vector(), static_cast<std::uint8_t>(Exception::page_fault));
    GUEST_EXPECT_EQ(result.trap.cr2, address);
    GUEST_EXPECT_EQ(result.trap.frame.error_code, error_code);
    GUEST_EXPECT(result.trap.frame.from_user());
}

GUEST_TEST(user, arguments_go_in_and_a_value_comes_back) {
    const UserResult result = run_user(add, 40, 2);
    GUEST_EXPECT(result.returned);
    GUEST_EXPECT_EQ(result.value(), 42U);
}

GUEST_TEST(user, runs_at_privilege_level_3) {
    const UserResult result = run_user(code_selector);
    GUEST_EXPECT(result.returned);
    GUEST_EXPECT_EQ(result.value() & 3U, 3U);
}

GUEST_TEST(user, may_not_touch_the_kernel) {
    static std::uint64_t kernel_data = 1;
    const auto address = reinterpret_cast<std::uint64_t>(&kernel_data);
    expect_page_fault(run_user(read, address), address,
                      PageFaultError::present_bit | PageFaultError::user_bit);
    expect_page_fault(
        run_user(write, address, 2), address,
        PageFaultError::present_bit | PageFaultError::user_bit | PageFaultError::write_bit);
    GUEST_EXPECT_EQ(kernel_data, 1U);
}

GUEST_TEST(user, may_not_run_kernel_code) {
    const auto address = reinterpret_cast<std::uint64_t>(&cpu_count);
    expect_page_fault(run_user(call, address), address,
                      PageFaultError::present_bit | PageFaultError::user_bit |
                          (boot_info().features.no_execute != 0 ? PageFaultError::fetch_bit : 0U));
}

GUEST_TEST(user, missing_page) {
    constexpr std::uint64_t address = 0x5000'0000'0000;
    expect_page_fault(run_user(read, address), address, PageFaultError::user_bit);
    expect_page_fault(run_user(write, address, 1), address,
                      PageFaultError::user_bit | PageFaultError::write_bit);
}

GUEST_TEST(user, may_not_write_its_own_code) {
    const auto address = reinterpret_cast<std::uint64_t>(&add);
    expect_page_fault(
        run_user(write, address, 0), address,
        PageFaultError::present_bit | PageFaultError::user_bit | PageFaultError::write_bit);
}

GUEST_TEST(user, may_not_halt) {
    const UserResult result = run_user(halt);
    GUEST_EXPECT(!result.returned);
    GUEST_EXPECT_EQ(result.trap.vector(), static_cast<std::uint8_t>(Exception::general_protection));
    GUEST_EXPECT_EQ(result.trap.frame.error_code, 0U);
}

GUEST_USER_DATA std::atomic<std::uint64_t> stop_spinning{0};
GUEST_USER_DATA std::atomic<std::uint64_t> rounds_spun{0};

GUEST_USER std::uint64_t spin_until_stopped(std::uint64_t, std::uint64_t) {
    while (stop_spinning.load(std::memory_order_acquire) == 0) {
        rounds_spun.fetch_add(1, std::memory_order_relaxed);
    }
    return 42;
}

GUEST_TEST(user, is_interrupted_and_goes_on, {.cpus = 2}) {
    constexpr std::uint8_t vector = 0x80;
    constexpr std::uint32_t sent = 5;
    static constinit std::atomic<std::uint32_t> interrupts{0};
    static constinit std::atomic<std::uint32_t> from_user{0};
    set_interrupt_handler(vector, [](TrapFrame& frame) {
        from_user.fetch_add(frame.from_user() ? 1 : 0);
        interrupts.fetch_add(1);
    });
    static UserResult result;
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 1) {
            result = run_user(spin_until_stopped);
            return;
        }
        for (std::uint32_t n = 0; n < sent; ++n) {
            // User code got somewhere since the last interrupt.
            const std::uint64_t before = rounds_spun.load(std::memory_order_relaxed);
            while (rounds_spun.load(std::memory_order_relaxed) == before) {
                pause();
            }
            apic::send(1, vector);
            while (interrupts.load() == n) {
                pause();
            }
        }
        stop_spinning.store(1, std::memory_order_release);
    });
    GUEST_EXPECT(result.returned);
    GUEST_EXPECT_EQ(result.value(), 42U);
    GUEST_EXPECT_EQ(interrupts.load(), sent);
    GUEST_EXPECT_EQ(from_user.load(), sent);
}

GUEST_TEST(user, all_cpus_at_once, {.cpus = 4}) {
    static std::array<UserResult, channel::max_cpus> results;
    run_on_cpus(cpu_count(), [](std::uint32_t cpu) { results[cpu] = run_user(add, cpu, 100); });
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
        GUEST_EXPECT(results[cpu].returned);
        GUEST_EXPECT_EQ(results[cpu].value(), cpu + std::uint64_t{100});
    }
}

}  // namespace
}  // namespace nestbed::guest
