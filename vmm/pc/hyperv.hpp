// What KVM leaves to its VMM of Hyper-V's synthetic interrupt controllers (SynICs): messages and
// event flags that vCPUs send to each other by hypercall, over connections.
// Source: Hypervisor Top Level Functional Specification (TLFS), "Inter-Partition Communication" and
// "Virtual Interrupt Controller".
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "vmm/machine/exit_table.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

class Hyperv {
  public:
    /// Synthetic interrupt sources of a vCPU.
    static constexpr std::uint32_t sints = 16;
    /// HV_X64_MSR_EOM: whoever has emptied a slot that others wait for says so there.
    static constexpr std::uint32_t end_of_message = 0x4000'0084;

    /// Interrupts vCPU `cpu` by `sint`, unless it is masked.
    using Raise = std::function<void(std::uint32_t cpu, std::uint32_t sint)>;
    struct Target {
        std::uint32_t cpu;
        std::uint32_t sint;
    };
    enum class Kind : std::uint8_t { message, event };

    /// A vCPU's number is its VP index. `memory` must outlive it.
    Hyperv(const GuestMemory& memory, std::uint32_t cpus, Raise raise)
        : memory_(memory), synics_(cpus), raise_(std::move(raise)) {}

    void register_in(ExitTable& exits);

    bool has(Target target) const { return target.cpu < synics_.size() && target.sint < sints; }
    /// The target is one that it has().
    void raise(Target target) const { raise_(target.cpu, target.sint); }
    /// An event's flag has its connection's number. False if the number is taken.
    [[nodiscard]] bool connect(Kind kind, std::uint8_t connection, Target target);
    /// False if there is no such connection. What waits is lost.
    [[nodiscard]] bool disconnect(Kind kind, std::uint8_t connection);

    /// At the end of a message of vCPU `cpu`, on its thread: delivers what waits for a slot and
    /// finds it free.
    void deliver_waiting(std::uint32_t cpu);

  private:
    /// HV_MESSAGE ("HV_MESSAGE", TLFS). Its flags are the slot's own.
    struct Message {
        std::uint32_t type;
        std::uint8_t payload_size;
        std::array<std::byte, 240> payload;
    };
    struct MessageConnection {
        Target target;
        std::optional<Message> waiting;  ///< for its slot to be free
    };
    /// Where a vCPU's pages are, if they are to be used.
    struct Synic {
        std::optional<std::uint64_t> messages;
        std::optional<std::uint64_t> events;
    };
    static constexpr std::size_t connections = 256;

    Answer answer(VcpuThread& vcpu);
    Answer answer_end_of_message(VcpuThread& vcpu);
    void set_pages(std::uint32_t cpu, bool is_on, std::uint64_t messages, std::uint64_t events);
    std::optional<std::uint64_t> page(std::uint64_t msr,
                                      const std::optional<std::uint64_t>& before) const;
    std::uint16_t call(std::uint64_t input, std::uint64_t parameter);
    std::uint16_t post_message(std::uint64_t address);
    std::uint16_t signal_event(std::uint64_t connection_and_flag);
    bool deliver(Target target, const Message& message) const;

    const GuestMemory& memory_;
    std::mutex mutex_;  // of all that follows
    std::vector<Synic> synics_;
    std::array<std::optional<MessageConnection>, connections> messages_{};
    std::array<std::optional<Target>, connections> events_{};
    Raise raise_;
};

}  // namespace nestbed::vmm
