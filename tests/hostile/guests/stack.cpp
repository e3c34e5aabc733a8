// Stacks that are too small for what is put there: each of the five.

#include "guest/kernel/apic.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

[[gnu::noinline]] std::uint64_t recurse(std::uint64_t depth) {
    volatile std::uint64_t frame[16];
    frame[depth % 16] = depth;
    return depth == ~std::uint64_t{0} ? 0 : recurse(depth + 1) + frame[depth % 16];
}

GUEST_USER std::uint64_t recurse_in_user_mode(std::uint64_t depth, std::uint64_t) {
    volatile std::uint64_t frame[16];
    frame[depth % 16] = depth;
    return depth == ~std::uint64_t{0} ? 0 : recurse_in_user_mode(depth + 1, 0) + frame[depth % 16];
}

[[gnu::noinline]] std::uint64_t large_frame() {
    volatile std::uint8_t frame[1 << 20];
    frame[0] = 1;
    return frame[0];
}

/// Enters user mode, where `vector` comes.
GUEST_USER std::uint64_t undefined_in_user_mode(std::uint64_t, std::uint64_t) {
    asm volatile("ud2");
    return 0;
}

GUEST_TEST(stack, of_the_kernel) { static_cast<void>(recurse(0)); }
GUEST_TEST(stack, of_the_kernel_by_one_frame) { static_cast<void>(large_frame()); }
GUEST_TEST(stack, of_user_mode) { static_cast<void>(run_user(recurse_in_user_mode)); }
GUEST_TEST(stack, of_nmis) {
    set_interrupt_handler(2, [](TrapFrame&) { static_cast<void>(recurse(0)); });
    apic::send_nmi(0);
    spin();
}
GUEST_TEST(stack, for_interrupts_of_user_mode) {
    set_interrupt_handler(6, [](TrapFrame&) { static_cast<void>(recurse(0)); });
    static_cast<void>(run_user(undefined_in_user_mode));
}
GUEST_TEST(stack, for_double_faults, {.timeout = 1}) {
    set_interrupt_handler(8, [](TrapFrame&) { static_cast<void>(recurse(0)); });
    static_cast<void>(recurse(0));
}
GUEST_TEST(stack, of_another_cpu, {.cpus = 2}) {
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 1) {
            static_cast<void>(recurse(0));
        }
    });
}
GUEST_TEST(stack, of_a_cpu_that_there_is_not) {
    // The stacks of CPUs that a VM has not are not mapped.
    store(this_cpu().tss.rsp[0] + sizeof(TrapStacks) * 40, 1);
}
GUEST_TEST(stack, of_all_cpus_at_once, {.cpus = 4}) {
    run_on_cpus(4, [](std::uint32_t) { static_cast<void>(recurse(0)); });
}
GUEST_TEST(stack, by_interrupts_in_interrupts, {.timeout = 1}) {
    set_interrupt_handler(0x55, [](TrapFrame&) {
        apic::end_of_interrupt();
        enable_interrupts();
        apic::send_to_self(0x55);
        for (std::uint64_t n = 0; n < 4; ++n) {
            pause();
        }
    });
    apic::send_to_self(0x55);
    spin();
}

// What a backtrace follows.

/// Dies with these frame and stack pointers, in a function that no debug information describes.
[[noreturn]] void die_with(std::uint64_t rbp, std::uint64_t rsp) {
    asm volatile(
        "mov %0, %%rbp\n\t"
        "mov %1, %%rsp\n\t"
        "mov %2, %%rax\n\t"
        "mov %%rax, (%%rax)"
        :
        : "r"(rbp), "r"(rsp), "r"(non_canonical)
        : "rax", "memory");
    __builtin_unreachable();
}

std::uint64_t code() { return reinterpret_cast<std::uint64_t>(&recurse) + 8; }
std::uint64_t frames_table[1 << 16];

GUEST_TEST(stack, frame_that_is_its_own_caller) {
    frames_table[1024] = address_of(frames_table[1024]);
    frames_table[1025] = code();
    die_with(address_of(frames_table[1024]), address_of(frames_table[512]));
}
GUEST_TEST(stack, frames_that_go_round) {
    frames_table[1024] = address_of(frames_table[2048]);
    frames_table[1025] = code();
    frames_table[2048] = address_of(frames_table[1024]);
    frames_table[2049] = code();
    die_with(address_of(frames_table[1024]), address_of(frames_table[512]));
}
GUEST_TEST(stack, thirty_thousand_frames) {
    for (std::uint64_t n = 1024; n < 62'000; n += 2) {
        frames_table[n] = address_of(frames_table[n + 2]);
        frames_table[n + 1] = code();
    }
    die_with(address_of(frames_table[1024]), address_of(frames_table[512]));
}
GUEST_TEST(stack, frame_in_a_hole) {
    map_page(unmapped, hole);
    die_with(unmapped + 16, unmapped);
}
GUEST_TEST(stack, frame_across_the_end_of_addresses) {
    die_with(~std::uint64_t{7}, ~std::uint64_t{15});
}
GUEST_TEST(stack, frame_that_is_not_aligned) {
    die_with(address_of(frames_table[1024]) + 3, address_of(frames_table[1024]) + 1);
}
GUEST_TEST(stack, frame_in_the_page_tables) {
    const std::uint64_t table = channel::layout::direct_map + (read_cr3() & ~std::uint64_t{4095});
    die_with(table + 256 * 8, table + 255 * 8);
}
GUEST_TEST(stack, nowhere_when_it_panics) {
    asm volatile("mov %0, %%rsp" : : "r"(non_canonical) : "memory");
    out(channel::port::panic, 0);
    __builtin_unreachable();
}

}  // namespace
}  // namespace nestbed::guest
