// Tests that die on purpose, each in a way of its own: what the VMM's diagnosis is tested with
// (tests/vmm/diagnosis_test.cpp), and what to run to see one. They fail, so that no run includes
// them unless it names this guest.

#include "guest/harness/measure.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/descriptors.hpp"
#include "shared/channel/layout.hpp"
#include "shared/channel/ports.hpp"
#include "shared/channel/ring.hpp"

namespace nestbed::guest {
namespace {

using paging::Flags;
using paging::Frame4k;
using paging::Page4k;
using paging::Permission;
using paging::PhysAddr;
using paging::VirtAddr;

/// PML4 entry 224, which nothing uses.
constexpr std::uint64_t unmapped = 0x7000'0000'1000;
constexpr std::size_t unmapped_root_index = 224;
constexpr std::uint64_t non_canonical = 0x8000'0000'0000'0000;
/// 16 GiB: far above any guest memory, and below every MAXPHYADDR.
constexpr std::uint64_t beyond_memory = 0x4'0000'0000;
constexpr std::uint8_t test_vector = 0x55;

void store(std::uint64_t address, std::uint64_t value) {
    *reinterpret_cast<volatile std::uint64_t*>(address) = value;
}

std::uint64_t load(std::uint64_t address) {
    return *reinterpret_cast<volatile const std::uint64_t*>(address);
}

/// Says in which line it is going to die: the next.
#define ANNOUNCE_DEATH() GUEST_LOG("line {}", __LINE__ + 1)

/// Keeps a call from becoming a jump, which would leave the caller out of the backtrace.
void not_a_tail_call() { asm volatile(""); }

GUEST_TEST(crash, page_fault) {
    GUEST_LOG("about to write to {:#x}", unmapped);
    store(unmapped, 1);
}

GUEST_TEST(crash, general_protection) { store(non_canonical, 1); }

GUEST_TEST(crash, reserved_bit) {
    // PS is reserved in a PML4 entry.
    constexpr std::uint64_t entry = 0x1083;
    DirectMapWindow{}(paging::root_of_cr3(read_cr3()))[unmapped_root_index] = entry;
    GUEST_LOG("read {}", load(unmapped));
}

GUEST_TEST(crash, null_call) {
    void (*volatile nowhere)() = nullptr;
    nowhere();  // NOLINT(clang-analyzer-core.CallAndMessage): on purpose
    not_a_tail_call();
}

const std::uint64_t constant = 7;

[[gnu::noinline]] void write_to_a_constant(std::uint64_t value) {
    store(reinterpret_cast<std::uint64_t>(&constant), value);
    not_a_tail_call();
}

[[gnu::noinline]] void second_level(std::uint64_t value) {
    write_to_a_constant(value + 1);
    not_a_tail_call();
}

[[gnu::noinline]] void first_level(std::uint64_t value) {
    second_level(value + 1);
    not_a_tail_call();
}

GUEST_TEST(crash, deep_stack) {
    first_level(parameter("value", 1));
    not_a_tail_call();
}

[[gnu::noinline]] std::uint64_t recurse(std::uint64_t depth) {
    const std::uint64_t result = depth == 0 ? load(unmapped) : recurse(depth - 1);
    not_a_tail_call();
    return result;
}

GUEST_TEST(crash, recursion) { GUEST_LOG("depth {}", recurse(parameter("depth", 100))); }

GUEST_TEST(crash, in_interrupt_handler) {
    set_interrupt_handler(test_vector, [](TrapFrame&) { store(unmapped, 1); });
    apic::send_to_self(test_vector);
    for (;;) {
        pause();
    }
}

GUEST_TEST(crash, unexpected_interrupt) {
    apic::send_to_self(test_vector);
    for (;;) {
        pause();
    }
}

// As if one were delivered: what a processor pushes, and the stub. INT would do, where KVM's
// emulator knows it.
GUEST_TEST(crash, interrupt_while_off) {
    constexpr std::uint64_t stub =
        channel::layout::kernel_image + interrupt_stub_size * test_vector;
    const InterruptsOff guard;
    asm volatile(
        "mov %%rsp, %%rax\n\t"
        "and $-16, %%rsp\n\t"
        "push %[ss]\n\t"
        "push %%rax\n\t"
        "pushfq\n\t"
        "push %[cs]\n\t"
        "lea 1f(%%rip), %%rax\n\t"
        "push %%rax\n\t"
        "jmp *%[stub]\n"
        "1:"
        :
        : [ss] "i"(arch::selector::kernel_data), [cs] "i"(arch::selector::kernel_code),
          [stub] "r"(stub)
        : "rax", "memory");
}

GUEST_TEST(crash, second_cpu, {.cpus = 4}) {
    run_on_cpus(cpu_count(), [](std::uint32_t cpu) {
        if (cpu == 1) {
            store(unmapped, cpu);
        }
    });
    for (;;) {
        pause();
    }
}

GUEST_TEST(crash, triple_fault) {
    const arch::DescriptorTablePointer empty{0, 0};
    asm volatile("lidt %0" : : "m"(empty) : "memory");
    asm volatile("ud2");
}

[[noreturn, gnu::noinline]] void spin_forever() {
    disable_interrupts();
    for (;;) {
        pause();
    }
}

GUEST_TEST(crash, hang) { spin_forever(); }

GUEST_TEST(crash, hang_halted, {.cpus = 2}) {
    disable_interrupts();
    ANNOUNCE_DEATH();
    asm volatile("hlt");
    store(unmapped, 1);
}

GUEST_TEST(crash, hang_in_bare_loop) {
    this_cpu().records.drain();  // that it has come so far
    out(channel::port::bare_loop, 1);
    for (;;) {
        out(channel::port::nothing, 0);
    }
}

GUEST_USER std::uint64_t spin_in_user_mode(std::uint64_t, std::uint64_t) {
    for (;;) {
        asm volatile("pause");
    }
}

GUEST_TEST(crash, hang_in_user_mode) { run_user(spin_in_user_mode).value(); }

GUEST_TEST(crash, internal_error) {
    // A KVM that interprets kernel mode does not know INT3; elsewhere it is an exception.
    if (catch_trap([] { asm volatile("int3"); })) {
        GUEST_SKIP("this KVM runs INT3: no internal error to be had");
    }
}

GUEST_TEST(crash, breakpoint) {
    ANNOUNCE_DEATH();
    asm volatile("int3");
    store(unmapped, 1);
}

constexpr std::uint16_t nobodys_port = 0x1234;

GUEST_TEST(crash, bad_port) {
    ANNOUNCE_DEATH();
    out(nobodys_port, 0);
    store(unmapped, 1);
}

GUEST_TEST(crash, bad_port_read) {
    ANNOUNCE_DEATH();
    static_cast<void>(in(nobodys_port));
    store(unmapped, 1);
}

GUEST_TEST(crash, bad_port_string) {
    const char* text = "four";
    std::uint64_t count = 4;
    ANNOUNCE_DEATH();
    asm volatile("rep outsb" : "+S"(text), "+c"(count) : "d"(nobodys_port) : "memory");
    store(unmapped, 1);
}

/// Has nothing behind its OUT.
[[noreturn, gnu::noinline]] void end_at_nobodys_port() {
    out(nobodys_port, 0);
    __builtin_unreachable();
}

GUEST_TEST(crash, bad_port_at_the_end) { end_at_nobodys_port(); }

/// Maps the page at `unmapped` to where no memory is.
void map_hole(AddressSpace& space) {
    if (!space.mapper().map(*Page4k::from(VirtAddr(unmapped)),
                            *Frame4k::from(PhysAddr(beyond_memory)),
                            Flags(Permission::read | Permission::write))) {
        panic("cannot map a page");
    }
    space.load();
}

GUEST_TEST(crash, mmio) {
    AddressSpace space;
    map_hole(space);
    ANNOUNCE_DEATH();
    GUEST_LOG("read {}", load(unmapped));
}

GUEST_TEST(crash, mmio_write) {
    AddressSpace space;
    map_hole(space);
    ANNOUNCE_DEATH();
    store(unmapped, 1);
    store(non_canonical, 1);
}

GUEST_TEST(crash, mmio_fill) {
    AddressSpace space;
    map_hole(space);
    std::uint64_t to = unmapped;
    std::uint64_t count = 4;
    ANNOUNCE_DEATH();
    asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0) : "memory");
    store(non_canonical, 1);
}

GUEST_TEST(crash, panic_message) { panic("the guest has seen enough"); }

GUEST_TEST(crash, panic_in_colour) { panic("the guest sees \x1b[31mred"); }

GUEST_TEST(crash, failed_expectation) {
    const std::uint64_t answer = 41;
    GUEST_LOG("the answer is {}", answer);
    GUEST_EXPECT_EQ(answer + 0, 42U);
    GUEST_EXPECT(answer > 100);
    GUEST_EXPECT(answer == 41 && answer > 100);
    GUEST_EXPECT(answer & 2);
    GUEST_EXPECT(!true);
    GUEST_REQUIRE(boot_info().magic == answer + 1);
    GUEST_EXPECT(false);
}

GUEST_TEST(crash, lost_record) {
    GUEST_LOG("a record that arrives");
    GUEST_LOG("a record that is overwritten");
    auto& ring = *boot_info().cpus[0].ring;
    auto* slots = reinterpret_cast<channel::Record*>(&ring + 1);
    slots[ring.head - 1] = slots[ring.head - 2];
}

GUEST_TEST(crash, impossible_ring) {
    GUEST_LOG("a record that nobody will read");
    boot_info().cpus[0].ring->head += std::uint64_t{1} << 40;
}

/// By the clock's lowest bits, spread over all 64: about every other time, and no time like the
/// last.
GUEST_TEST(crash, now_and_then) {
    const std::uint64_t spread = read_tsc() * 0x9E37'79B9'7F4A'7C15;
    GUEST_EXPECT(spread >> 63 == 0);
}

/// Parameter: `samples`.
GUEST_TEST(crash, measurement_without_its_proof, {.proof = 1}) {
    static stats::Histogram histogram;
    for (std::uint64_t n = parameter("samples", 3); n != 0; --n) {
        histogram.record(n);
    }
    report_measurement("unproved", "cycles", histogram, {}, no_claim);
}

}  // namespace
}  // namespace nestbed::guest
