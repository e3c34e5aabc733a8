// Messages and events between the vCPUs of a guest that sees Hyper-V, by exits made by hand.

#include "vmm/pc/hyperv_test_device.hpp"

#include <gmock/gmock.h>
#include <linux/kvm.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/pc/cpuid_leaves.hpp"
#include "vmm/pc/hyperv_leaves.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr std::uint32_t cpu_count = 2;
constexpr std::uint64_t memory_bytes = 1 << 20;

// Of vCPU 0, vCPU 1 has its pages behind them.
constexpr std::uint64_t messages = 0x2000;
constexpr std::uint64_t events = 0x3000;
constexpr std::uint64_t of_next_cpu = 0x2000;
constexpr std::uint64_t input = 0x8000;

constexpr std::uint64_t post_message = 0x5C;
constexpr std::uint64_t signal_event = 0x5D;
constexpr std::uint64_t fast = 1 << 16;

enum Control : std::uint32_t {
    create_route = 1,
    destroy_route,
    raise_sint,
    create_message,
    destroy_message,
    create_event,
    destroy_event,
};

kvm::Vcpu vcpu_on_paper() {
    constexpr std::size_t bytes = std::size_t{3} * 4096;
    Descriptor file(::memfd_create("kvm_run", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.get(), bytes), 0);
    return {std::move(file), bytes};
}

class HypervTest : public testing::Test {
  protected:
    HypervTest() {
        for (std::uint32_t cpu = 0; cpu < cpu_count; ++cpu) {
            threads_.emplace_back(cpu, vcpu_on_paper());
        }
        hyperv_.register_in(exits_);
        device_.register_in(exits_);
    }

    Answer control(std::uint32_t call, std::uint32_t cpu, std::uint32_t sint,
                   std::uint32_t connection = 0) {
        return write(connection << 24 | call << 16 | cpu << 8 | sint);
    }
    Answer write(std::uint32_t value) {
        std::memcpy(threads_[0].vcpu().page_of_mapping(1), &value, sizeof value);
        return port_io(true, sizeof value);
    }
    Answer port_io(bool out, std::uint8_t bytes) {
        kvm_run& run = page(0);
        run.exit_reason = KVM_EXIT_IO;
        run.io.direction = out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
        run.io.size = bytes;
        run.io.port = HypervTestDevice::port;
        run.io.count = 1;
        run.io.data_offset = 4096;
        return exits_.answer(threads_[0]);
    }

    void set_pages(std::uint32_t cpu, std::uint64_t message_page, std::uint64_t event_page,
                   bool is_on = true) {
        kvm_run& run = page(cpu);
        run.exit_reason = KVM_EXIT_HYPERV;
        run.hyperv.type = KVM_EXIT_HYPERV_SYNIC;
        run.hyperv.u.synic.control = is_on ? 1 : 0;
        run.hyperv.u.synic.msg_page = message_page;
        run.hyperv.u.synic.evt_page = event_page;
        EXPECT_EQ(exits_.answer(threads_[cpu]), std::nullopt);
    }
    void set_usual_pages() {
        for (std::uint32_t cpu = 0; cpu < cpu_count; ++cpu) {
            set_pages(cpu, (messages + cpu * of_next_cpu) | 1, (events + cpu * of_next_cpu) | 1);
        }
    }

    /// The hypercall's status.
    std::uint64_t call(std::uint64_t control_word, std::uint64_t parameter, std::uint32_t cpu = 0) {
        kvm_run& run = page(cpu);
        run.exit_reason = KVM_EXIT_HYPERV;
        run.hyperv.type = KVM_EXIT_HYPERV_HCALL;
        run.hyperv.u.hcall.input = control_word;
        run.hyperv.u.hcall.result = ~std::uint64_t{0};
        run.hyperv.u.hcall.params[0] = parameter;
        EXPECT_EQ(exits_.answer(threads_[cpu]), std::nullopt);
        return run.hyperv.u.hcall.result;
    }
    std::uint64_t post(std::uint32_t connection, std::uint64_t payload, std::uint32_t size = 8,
                       std::uint32_t type = 0x1234'5678, std::uint64_t at = input) {
        put<std::uint32_t>(at, connection);
        put<std::uint32_t>(at + 8, type);
        put<std::uint32_t>(at + 12, size);
        put<std::uint64_t>(at + 16, payload);
        return call(post_message, at);
    }

    template <typename T>
    T get(std::uint64_t at) const {
        return memory_.read<T>(at).value();
    }
    template <typename T>
    void put(std::uint64_t at, T value) {
        EXPECT_TRUE(memory_.write(at, value));
    }

    kvm_run& page(std::uint32_t cpu) { return threads_[cpu].vcpu().run_page(); }
    VcpuThread& thread(std::uint32_t cpu) { return threads_[cpu]; }

    GuestMemory memory_{map_backing({.kind = Backing::anon}, memory_bytes)};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> raised_;
    Hyperv hyperv_{memory_, cpu_count, [this](std::uint32_t cpu, std::uint32_t sint) {
                       raised_.emplace_back(cpu, sint);
                   }};
    HypervTestDevice device_{hyperv_, cpu_count};
    ExitTable exits_;

  private:
    std::deque<VcpuThread> threads_;
};

MATCHER_P(IsRefused, text, "") {
    return arg.has_value() && arg->ending == Ending::unexpected_exit &&
           testing::ExplainMatchResult(HasSubstr(text), arg->detail, result_listener);
}

TEST_F(HypervTest, ARouteLeadsToItsSint) {
    EXPECT_EQ(control(create_route, 1, 15), std::nullopt);
    EXPECT_EQ(control(create_route, 0, 3), std::nullopt);
    EXPECT_EQ(control(raise_sint, 1, 15), std::nullopt);
    EXPECT_EQ(control(raise_sint, 0, 3), std::nullopt);
    EXPECT_THAT(raised_, ElementsAre(Pair(1, 15), Pair(0, 3)));
}

TEST_F(HypervTest, OnlyARouteThatIsThereIsUsed) {
    EXPECT_THAT(control(raise_sint, 1, 2), IsRefused("there is no route to SINT 2 of vCPU 1"));
    EXPECT_EQ(control(create_route, 1, 2), std::nullopt);
    EXPECT_EQ(control(create_route, 1, 2), std::nullopt);
    EXPECT_EQ(control(destroy_route, 1, 2), std::nullopt);
    EXPECT_EQ(control(raise_sint, 1, 2), std::nullopt);
    EXPECT_EQ(control(destroy_route, 1, 2), std::nullopt);
    EXPECT_THAT(control(destroy_route, 1, 2), IsRefused("there is no route"));
    EXPECT_THAT(control(raise_sint, 1, 2), IsRefused("there is no route"));
    EXPECT_THAT(raised_, ElementsAre(Pair(1, 2)));
}

TEST_F(HypervTest, ATargetThatIsNoneIsRefused) {
    for (const std::uint32_t call : {create_route, raise_sint, create_message, create_event}) {
        EXPECT_THAT(control(call, 0, 16), IsRefused("there is no SINT 16 of vCPU 0"));
        EXPECT_THAT(control(call, 2, 0), IsRefused("there is no SINT 0 of vCPU 2"));
        EXPECT_THAT(control(call, 255, 255), IsRefused("there is no SINT 255 of vCPU 255"));
    }
}

TEST_F(HypervTest, OtherWritesAreNothingAndReadsAreZero) {
    EXPECT_EQ(control(0, 255, 255), std::nullopt);
    EXPECT_EQ(control(8, 255, 255), std::nullopt);
    EXPECT_EQ(port_io(true, 2), std::nullopt);
    EXPECT_EQ(port_io(false, 4), std::nullopt);
    std::uint32_t value = 1;
    std::memcpy(&value, thread(0).vcpu().page_of_mapping(1), sizeof value);
    EXPECT_EQ(value, 0U);
    EXPECT_THAT(raised_, IsEmpty());
}

TEST_F(HypervTest, AConnectionIsMadeOnce) {
    EXPECT_EQ(control(create_message, 0, 1, 7), std::nullopt);
    EXPECT_EQ(control(create_event, 0, 1, 7), std::nullopt) << "another kind, another name";
    EXPECT_THAT(control(create_message, 0, 1, 7), IsRefused("connection 7: there is one already"));
    EXPECT_THAT(control(create_event, 1, 2, 7), IsRefused("there is one already"));
    EXPECT_EQ(control(destroy_message, 0, 0, 7), std::nullopt);
    EXPECT_EQ(control(destroy_event, 0, 0, 7), std::nullopt);
    EXPECT_THAT(control(destroy_message, 0, 0, 7), IsRefused("there is none"));
    EXPECT_THAT(control(destroy_event, 0, 0, 7), IsRefused("there is none"));
}

TEST_F(HypervTest, AMessageIsInItsSlot) {
    set_usual_pages();
    EXPECT_EQ(control(create_message, 1, 8, 0x11), std::nullopt);
    EXPECT_EQ(post(0x11, 0xABCD), 0U);
    const std::uint64_t slot = messages + of_next_cpu + 8 * 256;
    EXPECT_EQ(get<std::uint32_t>(slot), 0x1234'5678U);
    EXPECT_EQ(get<std::uint32_t>(slot + 4), 8U) << "size, no flag";
    EXPECT_EQ(get<std::uint64_t>(slot + 8), 0U);
    EXPECT_EQ(get<std::uint64_t>(slot + 16), 0xABCDU);
    EXPECT_THAT(raised_, ElementsAre(Pair(1, 8)));
}

TEST_F(HypervTest, NoMoreThanThePayloadIsSent) {
    set_usual_pages();
    EXPECT_EQ(control(create_message, 0, 15, 1), std::nullopt);
    put<std::uint64_t>(input + 24, ~std::uint64_t{0});
    EXPECT_EQ(post(1, 0x1122'3344, 3), 0U);
    const std::uint64_t slot = messages + 15 * 256;
    EXPECT_EQ(get<std::uint64_t>(slot + 16), 0x22'3344U);
    EXPECT_EQ(get<std::uint64_t>(slot + 24), 0U);
}

TEST_F(HypervTest, AMessageWaitsForItsSlotAndNoSecondOne) {
    set_usual_pages();
    EXPECT_EQ(control(create_message, 1, 8, 0x11), std::nullopt);
    const std::uint64_t slot = messages + of_next_cpu + 8 * 256;
    EXPECT_EQ(post(0x11, 1), 0U);
    EXPECT_EQ(post(0x11, 2), 0U) << "waits";
    EXPECT_EQ(post(0x11, 3), 0x13U);
    EXPECT_EQ(get<std::uint8_t>(slot + 5), 1U) << "a message is pending";
    EXPECT_EQ(get<std::uint64_t>(slot + 16), 1U);
    hyperv_.deliver_waiting(1);
    EXPECT_EQ(get<std::uint64_t>(slot + 16), 1U) << "the slot is not free";
    EXPECT_EQ(raised_.size(), 1U);

    put<std::uint32_t>(slot, 0);
    hyperv_.deliver_waiting(0);
    EXPECT_EQ(get<std::uint32_t>(slot), 0U) << "another vCPU's";
    hyperv_.deliver_waiting(1);
    EXPECT_EQ(get<std::uint32_t>(slot), 0x1234'5678U);
    EXPECT_EQ(get<std::uint8_t>(slot + 5), 0U);
    EXPECT_EQ(get<std::uint64_t>(slot + 16), 2U);
    EXPECT_THAT(raised_, ElementsAre(Pair(1, 8), Pair(1, 8)));
    EXPECT_EQ(post(0x11, 4), 0U) << "there is room for one to wait";
}

TEST_F(HypervTest, TwoConnectionsOfOneSlotWaitOneForTheOther) {
    set_usual_pages();
    EXPECT_EQ(control(create_message, 0, 2, 1), std::nullopt);
    EXPECT_EQ(control(create_message, 0, 2, 2), std::nullopt);
    const std::uint64_t slot = messages + 2 * 256;
    put<std::uint32_t>(slot, 0x8000'0010);  // a timer's
    EXPECT_EQ(post(1, 1), 0U);
    EXPECT_EQ(post(2, 2), 0U);
    EXPECT_EQ(get<std::uint8_t>(slot + 5), 1U);
    for (const std::uint64_t payload : {1U, 2U}) {
        put<std::uint32_t>(slot, 0);
        hyperv_.deliver_waiting(0);
        EXPECT_EQ(get<std::uint64_t>(slot + 16), payload);
        EXPECT_EQ(get<std::uint8_t>(slot + 5), payload == 1 ? 1U : 0U) << "the next one waits";
    }
}

TEST_F(HypervTest, WhatWaitsGoesWithItsConnection) {
    set_usual_pages();
    EXPECT_EQ(control(create_message, 0, 2, 1), std::nullopt);
    EXPECT_EQ(post(1, 1), 0U);
    EXPECT_EQ(post(1, 2), 0U);
    EXPECT_EQ(control(destroy_message, 0, 0, 1), std::nullopt);
    EXPECT_EQ(control(create_message, 0, 2, 1), std::nullopt);
    put<std::uint32_t>(messages + 2 * 256, 0);
    hyperv_.deliver_waiting(0);
    EXPECT_EQ(get<std::uint32_t>(messages + 2 * 256), 0U);
}

TEST_F(HypervTest, WrongMessagesAreRefused) {
    set_usual_pages();
    EXPECT_EQ(control(create_message, 0, 2, 1), std::nullopt);
    EXPECT_EQ(control(create_event, 0, 2, 2), std::nullopt);
    EXPECT_EQ(post(1, 0, 241), 5U);
    EXPECT_EQ(post(1, 0, 0xFFFF'FFFF), 5U);
    EXPECT_EQ(post(1, 0, 8, 0), 5U) << "no type";
    EXPECT_EQ(post(1, 0, 8, 0x8000'0010), 5U) << "the hypervisor's type";
    EXPECT_EQ(post(2, 0), 0x12U) << "an event's connection";
    EXPECT_EQ(post(0x101, 0), 0x12U);
    EXPECT_EQ(post(0xFF'FFFF, 0), 0x12U);
    EXPECT_EQ(call(post_message, input + 4), 4U);
    EXPECT_EQ(call(post_message, 0x8F08), 4U) << "in two pages";
    EXPECT_EQ(call(post_message, memory_bytes), 4U);
    EXPECT_EQ(call(post_message, ~std::uint64_t{7}), 4U);
    EXPECT_EQ(call(post_message | fast, input), 2U);
    EXPECT_EQ(call(post_message | 1ULL << 32, input), 3U) << "repeated";
    EXPECT_THAT(raised_, IsEmpty());
    EXPECT_EQ(post(0xFF00'0001, 0, 240, 1, 0x8F00), 0U) << "the longest, at the end of a page";
}

TEST_F(HypervTest, AnEventSetsItsFlagAndRaisesOnce) {
    set_usual_pages();
    EXPECT_EQ(control(create_event, 1, 9, 0x2B), std::nullopt);
    const std::uint64_t flags = events + of_next_cpu + 9 * 256;
    put<std::uint8_t>(flags + 5, 0x80);
    EXPECT_EQ(call(signal_event | fast, 0x2B), 0U);
    EXPECT_EQ(get<std::uint64_t>(flags), 1ULL << 0x2B | 1ULL << 47);
    EXPECT_THAT(raised_, ElementsAre(Pair(1, 9)));
    put<std::uint64_t>(input, 0x2B);
    EXPECT_EQ(call(signal_event, input), 0U) << "from memory";
    EXPECT_EQ(raised_.size(), 1U) << "it was set";
    put<std::uint64_t>(flags, 0);
    EXPECT_EQ(call(signal_event, input, 1), 0U);
    EXPECT_THAT(raised_, ElementsAre(Pair(1, 9), Pair(1, 9)));
}

TEST_F(HypervTest, WrongEventsAreRefused) {
    set_usual_pages();
    EXPECT_EQ(control(create_event, 0, 2, 1), std::nullopt);
    EXPECT_EQ(call(signal_event | fast, 0x1234), 0x12U);
    EXPECT_EQ(call(signal_event | fast, 2), 0x12U);
    EXPECT_EQ(call(signal_event | fast, 0x1'0000'0001), 5U) << "its second flag";
    EXPECT_EQ(call(signal_event | fast, 0x0100'0001), 3U);
    EXPECT_EQ(call(signal_event | fast, 1ULL << 48 | 1), 3U);
    EXPECT_EQ(call(signal_event, input + 1), 4U);
    EXPECT_EQ(call(signal_event, memory_bytes), 4U);
    EXPECT_EQ(call(signal_event | fast | 1 << 17, 1), 3U);
    EXPECT_EQ(call(0x5B | fast, 1), 2U);
    EXPECT_THAT(raised_, IsEmpty());
}

TEST_F(HypervTest, WithoutPagesNothingIsSent) {
    EXPECT_EQ(control(create_message, 0, 2, 1), std::nullopt);
    EXPECT_EQ(control(create_event, 0, 2, 1), std::nullopt);
    const auto statuses = [&] { return std::pair(post(1, 0), call(signal_event | fast, 1)); };
    EXPECT_THAT(statuses(), Pair(0x18, 0x18)) << "none named";
    set_pages(0, messages, events);
    EXPECT_THAT(statuses(), Pair(0x18, 0x18)) << "neither enabled";
    set_pages(0, messages | 1, events | 1, false);
    EXPECT_THAT(statuses(), Pair(0x18, 0x18)) << "the SynIC is off";
    set_pages(0, memory_bytes | 1, (~std::uint64_t{0} << 12) | 1);
    EXPECT_THAT(statuses(), Pair(0x18, 0x18)) << "no memory there";
    EXPECT_THAT(raised_, IsEmpty());
    set_pages(0, messages | 1, events | 1);
    EXPECT_THAT(statuses(), Pair(0, 0));
}

TEST_F(HypervTest, APageIsZeroWhenItComesIntoUse) {
    put<std::uint32_t>(messages, 5);
    put<std::uint32_t>(events + 4092, 5);
    set_usual_pages();
    EXPECT_EQ(get<std::uint32_t>(messages), 0U);
    EXPECT_EQ(get<std::uint32_t>(events + 4092), 0U);
    put<std::uint32_t>(messages, 5);
    set_pages(0, messages | 1, 0);
    EXPECT_EQ(get<std::uint32_t>(messages), 5U) << "it was in use";
}

TEST_F(HypervTest, AnEndOfMessageThatKvmDoesNotTakeIsTheGuestsMistake) {
    kvm_run& run = page(0);
    run.exit_reason = KVM_EXIT_X86_WRMSR;
    for (const std::uint32_t index : {Hyperv::end_of_message, std::uint32_t{0x10}}) {
        run.msr.index = index;
        run.msr.error = 0;
        EXPECT_EQ(exits_.answer(thread(0)), std::nullopt);
        EXPECT_EQ(run.msr.error, 1U);
    }
}

TEST_F(HypervTest, TheDebuggersExitIsNone) {
    kvm_run& run = page(1);
    run.exit_reason = KVM_EXIT_HYPERV;
    run.hyperv.type = KVM_EXIT_HYPERV_SYNDBG;
    EXPECT_THAT(exits_.answer(thread(1)), IsRefused("an exit for Hyper-V of type 3"));
}

TEST_F(HypervTest, TwoVcpusSendAtOnce) {
    set_usual_pages();
    EXPECT_EQ(control(create_event, 0, 9, 1), std::nullopt);
    EXPECT_EQ(control(create_message, 0, 8, 1), std::nullopt);
    put<std::uint32_t>(input, 1);
    put<std::uint32_t>(input + 8, 1);
    put<std::uint32_t>(input + 12, 0);
    constexpr int times = 2000;
    std::atomic<int> sent{0};
    const auto send = [&](std::uint32_t cpu) {
        for (int i = 0; i < times; ++i) {
            EXPECT_EQ(call(signal_event | fast, 1, cpu), 0U);
            sent += call(post_message, input, cpu) == 0 ? 1 : 0;
        }
    };
    std::jthread other(send, 1);
    send(0);
    other.join();
    EXPECT_EQ(sent, 2) << "one in the slot, one that waits";
    EXPECT_THAT(raised_, testing::UnorderedElementsAre(Pair(0, 8), Pair(0, 9)));
}

TEST(HypervLeaves, LeaveOutWhatAPcHasNot) {
    kvm::CpuidList list;
    list.count = 0;
    for (const std::uint32_t leaf : {0U, 1U, 2U, 3U, 4U, 5U, 0xAU, 0x80U, 0x81U, 0x82U}) {
        kvm_cpuid_entry2 entry{};
        entry.function = 0x4000'0000 + leaf;
        entry.eax = entry.ebx = entry.edx = leaf == 0 ? 0x4000'0082 : ~std::uint32_t{0};
        *list.end() = entry;
        ++list.count;
    }
    limit_hyperv_leaves(list);
    EXPECT_EQ(list.count, 6U);
    EXPECT_EQ(find_leaf(list, 0x4000'0000)->eax, 0x4000'0005U);
    EXPECT_EQ(find_leaf(list, 0x4000'0000)->ebx, 0x4000'0082U) << "a part of the name";
    EXPECT_EQ(find_leaf(list, 0x4000'0003)->ebx, ~(1U << 11));
    EXPECT_EQ(find_leaf(list, 0x4000'0003)->edx, ~(1U << 11));
    EXPECT_EQ(find_leaf(list, 0x4000'0003)->eax, ~0U);
    EXPECT_EQ(find_leaf(list, 0x4000'0004)->eax, ~(1U << 14));
}

}  // namespace
}  // namespace nestbed::vmm
