#include "vmm/pc/hyperv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t page_size = 4096;
constexpr std::size_t slot_size = 256;  // of both pages: one for each SINT

// "Hypercall Status Codes".
constexpr std::uint16_t success = 0;
constexpr std::uint16_t invalid_hypercall_code = 2;
constexpr std::uint16_t invalid_hypercall_input = 3;
constexpr std::uint16_t invalid_alignment = 4;
constexpr std::uint16_t invalid_parameter = 5;
constexpr std::uint16_t invalid_connection_id = 0x12;
constexpr std::uint16_t insufficient_buffers = 0x13;
constexpr std::uint16_t invalid_synic_state = 0x18;

// "Hypercall Inputs".
constexpr std::uint64_t fast = 1 << 16;
constexpr std::uint64_t only_code_and_fast = 0x1'FFFF;
constexpr std::uint16_t post_message_code = 0x5C;
constexpr std::uint16_t signal_event_code = 0x5D;

constexpr std::uint32_t connection_id = 0xFF'FFFF;     // the rest is reserved
constexpr std::uint32_t of_the_hypervisor = 1U << 31;  // types of messages (HV_MESSAGE_TYPE)
constexpr std::uint32_t type_none = 0;                 // of a slot that is free
constexpr std::uint8_t message_pending = 1;            // of a slot's flags

/// HvCallPostMessage's input.
struct PostMessage {
    std::uint32_t connection;
    std::uint32_t reserved;
    std::uint32_t type;
    std::uint32_t payload_size;
    std::array<std::byte, 240> payload;
};
static_assert(sizeof(PostMessage) == 256);

// Of a slot of a message page.
constexpr std::size_t size_offset = 4;
constexpr std::size_t flags_offset = 5;
constexpr std::size_t reserved_offset = 6;  // and the sender's port, which none has here
constexpr std::size_t payload_offset = 16;

/// A list of parameters is in one page of memory, at a multiple of 8 ("Common Hypercall Status
/// Codes").
template <typename T>
std::optional<T> parameters_at(const GuestMemory& memory, std::uint64_t address) {
    if (address % 8 != 0 || address % page_size > page_size - sizeof(T)) {
        return std::nullopt;
    }
    return memory.read<T>(address);
}

/// Vcpus change both pages at the same time, and KVM those of messages, for its timers.
template <typename T>
std::atomic_ref<T> shared(std::byte* at) {
    return std::atomic_ref<T>(*reinterpret_cast<T*>(at));
}

}  // namespace

void Hyperv::register_in(ExitTable& exits) {
    exits.add_reason(KVM_EXIT_HYPERV, [this](VcpuThread& vcpu) { return answer(vcpu); });
    exits.add_reason(KVM_EXIT_X86_WRMSR,
                     [this](VcpuThread& vcpu) { return answer_end_of_message(vcpu); });
}

bool Hyperv::connect(Kind kind, std::uint8_t connection, Target target) {
    const std::lock_guard lock(mutex_);
    if (kind == Kind::event) {
        const bool is_free = !events_[connection];
        events_[connection] = is_free ? target : events_[connection];
        return is_free;
    }
    if (messages_[connection]) {
        return false;
    }
    messages_[connection] = MessageConnection{target, std::nullopt};
    return true;
}

bool Hyperv::disconnect(Kind kind, std::uint8_t connection) {
    const std::lock_guard lock(mutex_);
    if (kind == Kind::event) {
        return std::exchange(events_[connection], std::nullopt).has_value();
    }
    const bool was_there = messages_[connection].has_value();
    messages_[connection].reset();
    return was_there;
}

void Hyperv::deliver_waiting(std::uint32_t cpu) {
    const std::lock_guard lock(mutex_);
    if (const std::optional<std::uint64_t> page = synics_[cpu].messages) {
        // Whoever is still to wait sets its flag again.
        for (std::uint64_t slot = *page; slot < *page + page_size; slot += slot_size) {
            shared<std::uint8_t>(memory_.at(slot + flags_offset, 1))
                .fetch_and(static_cast<std::uint8_t>(~message_pending), std::memory_order_seq_cst);
        }
    }
    for (std::optional<MessageConnection>& connection : messages_) {
        if (connection && connection->target.cpu == cpu && connection->waiting &&
            deliver(connection->target, *connection->waiting)) {
            connection->waiting.reset();
        }
    }
}

Answer Hyperv::answer(VcpuThread& vcpu) {
    kvm_hyperv_exit& exit = vcpu.vcpu().run_page().hyperv;
    constexpr std::uint64_t enable = 1;
    switch (exit.type) {
        case KVM_EXIT_HYPERV_SYNIC:
            set_pages(vcpu.cpu(), (exit.u.synic.control & enable) != 0, exit.u.synic.msg_page,
                      exit.u.synic.evt_page);
            return std::nullopt;
        case KVM_EXIT_HYPERV_HCALL:
            exit.u.hcall.result = call(exit.u.hcall.input, exit.u.hcall.params[0]);
            return std::nullopt;
        default:
            return Outcome{
                Ending::unexpected_exit, vcpu.cpu(),
                fmt::format("an exit for Hyper-V of type {} of <linux/kvm.h>, which this VMM does "
                            "not handle",
                            exit.type)};
    }
}

/// KVM does its part too: when the vCPU runs next, those of its timers try again that wait.
Answer Hyperv::answer_end_of_message(VcpuThread& vcpu) {
    kvm_run& run = vcpu.vcpu().run_page();
    run.msr.error = 0;
    if (run.msr.index != end_of_message || !vcpu.vcpu().set_msr(end_of_message, run.msr.data)) {
        run.msr.error = 1;  // the guest gets #GP
        return std::nullopt;
    }
    deliver_waiting(vcpu.cpu());
    return std::nullopt;
}

void Hyperv::set_pages(std::uint32_t cpu, bool is_on, std::uint64_t messages,
                       std::uint64_t events) {
    const std::lock_guard lock(mutex_);
    if (cpu >= synics_.size()) {
        return;
    }
    Synic& synic = synics_[cpu];
    synic.messages = is_on ? page(messages, synic.messages) : std::nullopt;
    synic.events = is_on ? page(events, synic.events) : std::nullopt;
}

/// The page that SIMP or SIEFP names. It is all zeros when it comes into use ("SIM and SIEF
/// Pages").
std::optional<std::uint64_t> Hyperv::page(std::uint64_t msr,
                                          const std::optional<std::uint64_t>& before) const {
    constexpr std::uint64_t enable = 1;
    const std::uint64_t address = msr & ~(page_size - 1);
    std::byte* const host = memory_.at(address, page_size);
    if ((msr & enable) == 0 || host == nullptr) {
        return std::nullopt;
    }
    if (before != address) {
        std::memset(host, 0, page_size);
    }
    return address;
}

std::uint16_t Hyperv::call(std::uint64_t input, std::uint64_t parameter) {
    const auto code = static_cast<std::uint16_t>(input);
    const bool is_fast = (input & fast) != 0;
    if (code != post_message_code && code != signal_event_code) {
        return invalid_hypercall_code;
    }
    if ((input & ~only_code_and_fast) != 0) {
        return invalid_hypercall_input;  // neither call repeats
    }
    if (code == post_message_code) {
        // Its input is longer than the two registers that a fast call has.
        return is_fast ? invalid_hypercall_code : post_message(parameter);
    }
    const auto connection = is_fast ? parameter : parameters_at<std::uint64_t>(memory_, parameter);
    return connection ? signal_event(*connection) : invalid_alignment;
}

std::uint16_t Hyperv::post_message(std::uint64_t address) {
    const auto input = parameters_at<PostMessage>(memory_, address);
    if (!input) {
        return invalid_alignment;
    }
    if (input->type == type_none || (input->type & of_the_hypervisor) != 0 ||
        input->payload_size > input->payload.size()) {
        return invalid_parameter;
    }
    Message message{input->type, static_cast<std::uint8_t>(input->payload_size), {}};
    std::copy_n(input->payload.begin(), input->payload_size, message.payload.begin());
    const std::uint32_t id = input->connection & connection_id;
    const std::lock_guard lock(mutex_);
    if (id >= messages_.size() || !messages_[id]) {
        return invalid_connection_id;
    }
    MessageConnection& connection = *messages_[id];
    if (!synics_[connection.target.cpu].messages) {
        return invalid_synic_state;
    }
    if (connection.waiting) {
        return insufficient_buffers;
    }
    if (!deliver(connection.target, message)) {
        connection.waiting = message;
    }
    return success;
}

/// Puts it into its slot and raises the SINT. False if there is another, or no slot any more
/// ("SynIC Message Queuing" of the TLFS).
bool Hyperv::deliver(Target target, const Message& message) const {
    const std::optional<std::uint64_t> page = synics_[target.cpu].messages;
    if (!page) {
        return false;
    }
    std::byte* const slot = memory_.at(*page, page_size) + target.sint * slot_size;
    const auto type = shared<std::uint32_t>(slot);
    if (type.load(std::memory_order_acquire) != type_none) {
        // The guest empties the slot and looks at the flag, here the flag is set and the slot
        // looked at: sequentially consistent, so that one of both sees what the other did.
        shared<std::uint8_t>(slot + flags_offset)
            .fetch_or(message_pending, std::memory_order_seq_cst);
        if (type.load(std::memory_order_seq_cst) != type_none) {
            return false;
        }
    }
    // The flag stays: a timer of KVM's may wait as well.
    shared<std::uint8_t>(slot + size_offset).store(message.payload_size, std::memory_order_relaxed);
    std::memset(slot + reserved_offset, 0, payload_offset - reserved_offset);
    std::ranges::copy(message.payload, slot + payload_offset);
    // Last, with release, so that the guest sees no half of it. A timer of KVM's may have been
    // there first. It looks and writes in two steps, while its vCPU is outside the guest; so a
    // guest that has both, timers and another vCPU's messages, come by one SINT can lose one of
    // them.
    std::uint32_t none = type_none;
    if (!type.compare_exchange_strong(none, message.type, std::memory_order_release,
                                      std::memory_order_relaxed)) {
        shared<std::uint8_t>(slot + flags_offset)
            .fetch_or(message_pending, std::memory_order_relaxed);
        return false;
    }
    raise(target);
    return true;
}

/// Raises the SINT if the flag was clear before ("Event Flag Delivery" of the TLFS).
std::uint16_t Hyperv::signal_event(std::uint64_t connection_and_flag) {
    const auto id = static_cast<std::uint32_t>(connection_and_flag);
    const auto flag = static_cast<std::uint16_t>(connection_and_flag >> 32);
    const std::lock_guard lock(mutex_);
    if ((connection_and_flag >> 48) != 0 || (id & ~connection_id) != 0) {
        return invalid_hypercall_input;  // reserved
    }
    if (id >= events_.size() || !events_[id]) {
        return invalid_connection_id;
    }
    if (flag != 0) {
        return invalid_parameter;  // a port has one flag here
    }
    const Target target = *events_[id];
    const std::optional<std::uint64_t> page = synics_[target.cpu].events;
    if (!page) {
        return invalid_synic_state;
    }
    std::byte* const flags = memory_.at(*page, page_size) + target.sint * slot_size;
    const auto bit = static_cast<std::uint8_t>(1U << id % 8);
    // Release: who finds the flag sees what its sender has done before.
    if ((shared<std::uint8_t>(flags + id / 8).fetch_or(bit, std::memory_order_release) & bit) ==
        0) {
        raise(target);
    }
    return success;
}

}  // namespace nestbed::vmm
