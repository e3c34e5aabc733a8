// What `nestbed measure hypercall` runs, one test per kind of call, each in a fresh VM: the ways to
// the VMM, to KVM and to another vCPU. A test is called as its kind is.
//
// Parameters: `samples`, `milliseconds` (of sampling, at most); `coalesced_port`,
// `coalesced_memory`, `events`, `hypercalls` (1: this host's KVM has them).

#include <atomic>

#include "guest/harness/bare_round_trip.hpp"
#include "guest/harness/call_experiment.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/hypercall.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/control.hpp"
#include "shared/channel/mmio.hpp"

namespace nestbed::guest {
namespace {

namespace port = channel::port;
namespace mmio = channel::mmio;
using paging::Permission;

constexpr char user_space[] = "user space";
constexpr char kvm[] = "KVM";
constexpr char another_vcpu[] = "another vCPU";

// Calls that end in the VMM.

GUEST_TEST(measure_hypercall, port, {.tags = "measures"}) {
    measure_exits({"port", user_space}, empty_pair_in_kernel_mode(),
                  KernelCall([] { out(port::nothing, 0); }));
}

GUEST_TEST(measure_hypercall, doorbell, {.tags = "measures"}) {
    // With nothing in the ring.
    this_cpu().records.drain();
    measure_exits({"doorbell", user_space}, empty_pair_in_kernel_mode(),
                  KernelCall([] { out(port::doorbell, 0); }));
}

/// An address space that shows one page of the VM's where there is no memory.
class DevicePage {
  public:
    DevicePage(std::uint64_t physical, paging::Flags flags) {
        const auto page = paging::Page4k::containing(paging::VirtAddr(address));
        const auto frame = paging::Frame4k::from(paging::PhysAddr(physical));
        GUEST_REQUIRE(space_.mapper().map(page, *frame, flags));
        space_.load();
    }

    static constexpr std::uint64_t address = 0x4000'0000'0000;

  private:
    AddressSpace space_;
};

[[gnu::always_inline]] inline void write_device(std::uint32_t value) {
    // One instruction that KVM can decode wherever it has to.
    asm volatile("movl %0, (%1)" : : "a"(value), "b"(DevicePage::address) : "memory");
}

[[gnu::always_inline]] inline std::uint32_t read_device() {
    std::uint32_t value = 0;
    asm volatile("movl (%1), %0" : "=a"(value) : "b"(DevicePage::address) : "memory");
    return value;
}

constexpr paging::Flags for_kernel(Permission::read | Permission::write);
constexpr paging::Flags for_user(Permission::read | Permission::write | Permission::user);

GUEST_TEST(measure_hypercall, mmio, {.tags = "measures"}) {
    const DevicePage device(mmio::nothing, for_kernel);
    measure_exits({"mmio", user_space}, empty_pair_in_kernel_mode(),
                  KernelCall([] { write_device(0); }));
}

// The same from user mode, where every KVM runs instructions natively: the clock is read there.

constexpr std::uint64_t user_samples = 16;
GUEST_USER_DATA constinit std::uint64_t user_cycles[user_samples]{};

GUEST_USER std::uint64_t time_nothing(std::uint64_t count, std::uint64_t) {
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::uint64_t start = read_tsc();
        user_cycles[n] = read_tsc() - start;
    }
    return 0;
}

GUEST_USER std::uint64_t time_port_writes(std::uint64_t count, std::uint64_t) {
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::uint64_t start = read_tsc();
        out(channel::port::nothing, 0);
        user_cycles[n] = read_tsc() - start;
    }
    return 0;
}

GUEST_USER std::uint64_t time_device_writes(std::uint64_t count, std::uint64_t) {
    for (std::uint64_t n = 0; n < count; ++n) {
        const std::uint64_t start = read_tsc();
        write_device(0);
        user_cycles[n] = read_tsc() - start;
    }
    return 0;
}

/// Calls of a function that times them in user mode.
class UserCall {
  public:
    explicit UserCall(UserFunction function) : function_(function) {}

    void once() { run(1); }
    std::uint64_t per_sample() const { return 1; }
    void prepare(std::uint64_t) {}
    void sample(stats::Histogram& cycles, std::uint64_t samples) {
        run(samples);
        for (std::uint64_t n = 0; n < samples; ++n) {
            cycles.record(user_cycles[n]);
        }
    }

    /// Whether user mode may do it at all.
    bool works() const { return run_user(function_, 1, 0, arch::rflags::io_for_user).returned; }

  private:
    void run(std::uint64_t count) {
        GUEST_REQUIRE(count <= user_samples);
        GUEST_REQUIRE(run_user(function_, count, 0, arch::rflags::io_for_user).returned);
    }

    UserFunction function_;
};

std::uint64_t empty_pair_in_user_mode() {
    UserCall nothing(time_nothing);
    for (int n = 0; n < 4; ++n) {
        nothing.sample(call_histograms.dropped, user_samples);
    }
    return call_histograms.dropped.quantile(1, 2);
}

GUEST_TEST(measure_hypercall, user_port, {.tags = "measures needs-user-ports"}) {
    const UserCall call(time_port_writes);
    if (!call.works()) {
        GUEST_SKIP("this KVM does not let user mode at I/O privilege level 3 use ports");
    }
    measure_exits({"user_port", user_space, "user"}, empty_pair_in_user_mode(), call);
}

GUEST_TEST(measure_hypercall, user_mmio, {.tags = "measures"}) {
    const DevicePage device(mmio::nothing, for_user);
    measure_exits({"user_mmio", user_space, "user"}, empty_pair_in_user_mode(),
                  UserCall(time_device_writes));
}

// Calls that KVM answers, and keeps for the VMM. Reading how many have arrived empties the ring.

GUEST_TEST(measure_hypercall, coalesced_port, {.tags = "measures needs-coalesced-port"}) {
    if (parameter("coalesced_port", 0) == 0) {
        GUEST_SKIP("this host's KVM does not coalesce port I/O (KVM_CAP_COALESCED_PIO)");
    }
    static constinit std::uint32_t written = 0;
    measure_exitless({"coalesced_port", kvm}, KernelCall([] { out(port::coalesced, written++); }),
                     [] { in(port::coalesced); });
    GUEST_EXPECT_EQ(in(port::coalesced), written);
}

GUEST_TEST(measure_hypercall, coalesced_mmio, {.tags = "measures needs-coalesced-mmio"}) {
    if (parameter("coalesced_memory", 0) == 0) {
        GUEST_SKIP("this host's KVM does not coalesce MMIO (KVM_CAP_COALESCED_MMIO)");
    }
    const DevicePage device(mmio::coalesced, for_kernel);
    static constinit std::uint32_t written = 0;
    measure_exitless({"coalesced_mmio", kvm}, KernelCall([] { write_device(written++); }),
                     [] { read_device(); });
    GUEST_EXPECT_EQ(read_device(), written);
}

void require_events() {
    if (parameter("events", 0) == 0) {
        GUEST_SKIP("this host's KVM has no ioeventfd (KVM_CAP_IOEVENTFD)");
    }
}

GUEST_TEST(measure_hypercall, ioeventfd, {.tags = "measures needs-ioeventfd"}) {
    require_events();
    static constinit std::uint32_t written = 0;
    measure_exitless({"ioeventfd", kvm}, KernelCall([] {
                         out(port::event, 0);
                         ++written;
                     }));
    GUEST_EXPECT_EQ(in(port::event), written);
}

GUEST_TEST(measure_hypercall, ioeventfd_waited_for, {.tags = "measures needs-ioeventfd"}) {
    require_events();
    static constinit std::uint32_t written = 0;
    measure_exitless({"ioeventfd_waited_for", kvm}, KernelCall([] {
                         out(port::waited_event, 0);
                         ++written;
                     }));
    // Whoever waits for them takes his time. If they never come the watchdog ends this.
    while (in(port::waited_event) < written) {
        pause();
    }
    GUEST_EXPECT_EQ(in(port::waited_event), written);
}

// Calls that KVM answers, and that is all.

GUEST_TEST(measure_hypercall, kernel_port, {.tags = "measures"}) {
    // The interrupt mask of KVM's 8259 (Intel 8259A data sheet, OCW1).
    constexpr std::uint16_t interrupt_mask = 0x21;
    measure_exitless({"kernel_port", kvm}, KernelCall([] { in_byte(interrupt_mask); }));
}

GUEST_TEST(measure_hypercall, vmcall, {.tags = "measures needs-vmcall"}) {
    if (parameter("hypercalls", 0) == 0) {
        GUEST_SKIP("VMCALL does not come back on this host's KVM");
    }
    measure_exitless({"vmcall", kvm}, KernelCall([] { hypercall::nothing(); }));
}

GUEST_TEST(measure_hypercall, cpuid, {.tags = "measures"}) {
    measure_exitless({"cpuid", kvm}, KernelCall([] { cpuid(0); }));
}

// Round trips to another vCPU: an interrupt, and a flag that its handler sets.

constinit std::atomic<bool> over{false};
GUEST_USER_DATA constinit std::atomic<std::uint64_t> over_for_user{0};

/// CPU 1 is in `wait()`, which returns when `over` and an interrupt have come.
void measure_interrupts(ConstantString name, void (*wait)()) {
    set_bare_interrupt_handler();
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 1) {
            wait();
            return;
        }
        measure_exitless({name, another_vcpu}, TimedCall([] {
                             return bare_round_trip(BareRoundTrip::interrupt, Routing::unicast, 1,
                                                    2);
                         }));
        over.store(true);
        over_for_user.store(1);
        apic::send(1, wake_vector);
    });
}

GUEST_TEST(measure_hypercall, halted_vcpu, {.cpus = 2, .tags = "measures"}) {
    measure_interrupts("halted_vcpu", [] {
        const InterruptsOff guard;
        while (!over.load()) {
            wait_for_interrupt();
        }
    });
}

GUEST_TEST(measure_hypercall, spinning_vcpu, {.cpus = 2, .tags = "measures"}) {
    measure_interrupts("spinning_vcpu", [] {
        while (!over.load()) {
            pause();
        }
    });
}

GUEST_USER std::uint64_t spin_until_over(std::uint64_t, std::uint64_t) {
    while (over_for_user.load(std::memory_order_relaxed) == 0) {
        pause();
    }
    return 0;
}

GUEST_TEST(measure_hypercall, user_mode_vcpu, {.cpus = 2, .tags = "measures"}) {
    measure_interrupts("user_mode_vcpu", [] { run_user(spin_until_over).value(); });
}

}  // namespace
}  // namespace nestbed::guest
