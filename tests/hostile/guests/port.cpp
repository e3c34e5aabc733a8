// Ports and addresses that are nobody's, or KVM's own, in every way that they can be reached.

#include "guest/kernel/trap_scope.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/control.hpp"
#include "shared/channel/mmio.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

constexpr std::uint16_t nobodys = 0x1234;

std::uint64_t many = 8192;
alignas(4096) char buffer[8192 * 4];

void out_string(std::uint16_t to) {
    const char* from = buffer;
    std::uint64_t count = many;
    asm volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(to) : "memory");
}
void in_string(std::uint16_t of) {
    char* to = buffer;
    std::uint64_t count = many;
    asm volatile("rep insl" : "+D"(to), "+c"(count) : "d"(of) : "memory");
}

GUEST_TEST(port, string_to_nobody) { out_string(nobodys); }
GUEST_TEST(port, string_from_nobody) { in_string(nobodys); }
GUEST_TEST(port, string_to_the_doorbell) { out_string(channel::port::doorbell); }
GUEST_TEST(port, string_to_the_finish) { out_string(channel::port::finish); }
GUEST_TEST(port, string_from_the_exits) { in_string(channel::port::exits); }
GUEST_TEST(port, string_to_nothing, {.timeout = 60}) { out_string(channel::port::nothing); }
GUEST_TEST(port, string_of_2_64) {
    many = ~std::uint64_t{0};
    out_string(nobodys);
}
GUEST_TEST(port, string_over_the_end_of_memory) {
    const char* from = pointer(channel::layout::direct_map + boot_info().free_memory_end - 8);
    std::uint64_t count = 16;
    asm volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(nobodys) : "memory");
}
GUEST_TEST(port, string_of_one_to_the_doorbell) {
    many = 1;
    out_string(channel::port::doorbell);
}
GUEST_TEST(port, string_of_four_bytes_from_the_exits) {
    // All four bytes of a number, but by four accesses.
    char* to = buffer;
    std::uint64_t count = 4;
    asm volatile("rep insb" : "+D"(to), "+c"(count) : "d"(channel::port::exits) : "memory");
}
GUEST_TEST(port, read_of_a_write_port) { static_cast<void>(in(channel::port::finish)); }
GUEST_TEST(port, write_of_a_read_port) { out(channel::port::exits, 0); }
GUEST_TEST(port, coalesced_that_was_not_asked_for) { out(channel::port::coalesced, 7); }
GUEST_TEST(port, at_the_end_of_ports) { out(0xFFFF, 0); }
GUEST_TEST(port, bare_loop_of_no_kind) {
    out(channel::port::bare_loop, ~0U);
    out(channel::port::bare_loop, 0);
    out(channel::port::bare_loop, 0);
}
GUEST_TEST(port, bad_in_the_bare_loop) {
    out(channel::port::bare_loop, 1);
    out(nobodys, 0);
}

/// A number of 64 bits for each n, and others with another seed.
std::uint64_t sample(std::uint64_t n) {
    std::uint64_t state = (n + parameter("seed", 16) * 1'000) * 0x9E37'79B9'7F4A'7C15;
    state = (state ^ state >> 30) * 0xBF58'476D'1CE4'E5B9;
    state = (state ^ state >> 27) * 0x94D0'49BB'1331'11EB;
    return state ^ state >> 31;
}

/// One port, by one way that there is to reach it.
void touch_port(std::uint64_t random) {
    const auto at = static_cast<std::uint16_t>(random);
    GUEST_LOG("port {:#x}, way {}", at, random >> 16 & 7);
    switch (random >> 16 & 7) {
        case 0:
            asm volatile("outb %%al, %%dx" : : "a"(0xFF), "d"(at));
            break;
        case 1:
            asm volatile("outw %%ax, %%dx" : : "a"(0xFFFF), "d"(at));
            break;
        case 2:
            asm volatile("outl %%eax, %%dx" : : "a"(~0U), "d"(at));
            break;
        case 3:
            asm volatile("inb %%dx, %%al" : : "d"(at) : "rax");
            break;
        case 4:
            asm volatile("inw %%dx, %%ax" : : "d"(at) : "rax");
            break;
        case 5:
            asm volatile("inl %%dx, %%eax" : : "d"(at) : "rax");
            break;
        case 6:
            out_string(at);
            break;
        default:
            in_string(at);
    }
}

/// One address, wherever an entry can say, but mostly below 4 GiB, where devices are.
void touch_address(std::uint64_t random) {
    const std::uint64_t page = (random >> 12 & (random % 3 == 0 ? 0xFF'FFFF'FFFF : 0xF'FFFF)) << 12;
    const std::uint64_t at = unmapped + random % 4096;
    GUEST_LOG("address {:#x}", page + random % 4096);
    map_page(unmapped, page);
    if (random >> 63 == 0) {
        store(at, ~std::uint64_t{0});
    } else {
        static_cast<void>(load(at));
    }
}

// A test each: most such accesses end the VM.
#define SAMPLE(n)                                            \
    GUEST_TEST(port, sampled_##n) { touch_port(sample(n)); } \
    GUEST_TEST(port, sampled_address_##n) { touch_address(sample(n)); }
#define EIGHT_SAMPLES(n) \
    SAMPLE(n##0)         \
    SAMPLE(n##1) SAMPLE(n##2) SAMPLE(n##3) SAMPLE(n##4) SAMPLE(n##5) SAMPLE(n##6) SAMPLE(n##7)
EIGHT_SAMPLES(1);
EIGHT_SAMPLES(2);
EIGHT_SAMPLES(3);
EIGHT_SAMPLES(4);

GUEST_USER std::uint64_t out_of_user_mode(std::uint64_t port, std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; ++n) {
        asm volatile("outl %%eax, %%dx" : : "a"(0), "d"(static_cast<std::uint16_t>(port)));
    }
    return 0;
}
constexpr std::uint64_t any_port = 3U << 12;  // RFLAGS.IOPL

GUEST_TEST(port, doorbells_of_user_mode, {.timeout = 60}) {
    static_cast<void>(run_user(out_of_user_mode, channel::port::doorbell, 100, any_port));
}
GUEST_TEST(port, finish_of_user_mode) {
    static_cast<void>(run_user(out_of_user_mode, channel::port::finish, 1, any_port));
}
GUEST_TEST(port, nobodys_of_user_mode) {
    static_cast<void>(run_user(out_of_user_mode, nobodys, 1, any_port));
}

// KVM's own devices.

GUEST_TEST(port, every_value_to_the_interrupt_controllers) {
    for (const std::uint16_t at :
         std::initializer_list<std::uint16_t>{0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1}) {
        for (std::uint32_t value = 0; value < 256; value += 5) {
            asm volatile("outb %%al, %%dx" : : "a"(value), "d"(at));
            asm volatile("inb %%dx, %%al" : : "d"(at) : "rax");
        }
    }
}

// Memory where there is none.

std::uint64_t at_hole() {
    map_page(unmapped, mmio_hole);
    return unmapped + 128;
}

GUEST_TEST(port, memory_read_by_one_byte) { *pointer<volatile char>(at_hole()); }
GUEST_TEST(port, memory_written_by_two_bytes) { *pointer<volatile short>(at_hole()) = 1; }
GUEST_TEST(port, memory_written_by_eight_bytes) { store(at_hole(), 1); }
GUEST_TEST(port, memory_written_across_a_page) {
    map_page(unmapped, mmio_hole);
    map_page(unmapped + 4096, hole);
    store(unmapped + 4092, 1);
}
GUEST_TEST(port, memory_written_over_the_end) {
    const std::uint64_t end = boot_info().free_memory_end;
    map_page(unmapped, end - 4096);
    map_page(unmapped + 4096, end);
    store(unmapped + 4092, 1);
}
GUEST_TEST(port, memory_exchanged) {
    std::uint64_t value = 1;
    asm volatile("lock xaddq %0, (%1)" : "+r"(value) : "r"(at_hole()) : "memory");
}
GUEST_TEST(port, memory_moved_from_hole_to_hole) {
    std::uint64_t from = at_hole();
    std::uint64_t to = from + 512;
    std::uint64_t count = 64;
    asm volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
}
GUEST_TEST(port, memory_of_a_string_to_a_port) {
    std::uint64_t from = at_hole();
    std::uint64_t count = 64;
    asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(nobodys) : "memory");
}
GUEST_TEST(port, nothing_by_eight_bytes) {
    map_page(unmapped, channel::mmio::nothing);
    store(unmapped, 1);
}
GUEST_TEST(port, nothing_is_read) {
    map_page(unmapped, channel::mmio::nothing);
    static_cast<void>(load(unmapped));
}
GUEST_TEST(port, addresses_of_kvm) {
    for (const std::uint64_t at : {0xFEC0'0000UL, 0xFEE0'0000UL}) {
        map_page(unmapped, at);
        invlpg(unmapped);
        for (std::uint64_t n = 0; n < 1024; n += 16) {
            static_cast<void>(
                catch_trap([=] { *pointer<volatile std::uint32_t>(unmapped + n) = ~0U; }));
        }
    }
}

}  // namespace
}  // namespace nestbed::guest
