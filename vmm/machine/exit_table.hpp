// What the exits of a VM's vCPUs are answered with: a table of ports, of ranges of guest physical
// addresses and of exit reasons. Whoever answers some of them registers there before the vCPUs run;
// from then on the table stays as it is, and a look into it allocates nothing and takes no lock.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nestbed::vmm {

class VcpuThread;

/// How a VM's run ended.
enum class Ending {
    finished,         ///< the guest said so
    panicked,         ///< the guest's kernel gave up; its PanicReport says why
    triple_fault,     ///< KVM_EXIT_SHUTDOWN
    internal_error,   ///< KVM_EXIT_INTERNAL_ERROR: KVM could not run or emulate an instruction
    entry_failed,     ///< KVM_EXIT_FAIL_ENTRY: the processor refused the guest's state
    unexpected_exit,  ///< an exit that no guest of ours causes on purpose
    host_error,       ///< KVM_RUN or another host call failed
    timed_out,        ///< the watchdog
    interrupted,      ///< Ctrl-C
};

struct Outcome {
    Ending ending;
    std::uint32_t cpu;   ///< the vCPU that ended it, where one did
    std::string detail;  ///< in words, with the numbers that belong to it
};

/// What becomes of the run after an exit: nothing, and the vCPU goes on, or its end.
using Answer = std::optional<Outcome>;

/// An access that KVM leaves to its VMM: a port's, or one to where it has no memory.
struct Access {
    enum class To : std::uint8_t { port, memory };

    VcpuThread& vcpu;  ///< which waits for the answer
    To to;
    std::uint64_t address;  ///< a port, or guest physical
    bool is_write;
    std::span<std::byte> data;  ///< what is written, or where what is read is to be put

    /// The value, if it is a 32-bit write.
    std::optional<std::uint32_t> written() const;
    /// Answers a 32-bit read with `value`; any other access is unanswered().
    Answer read_as(std::uint32_t value) const;

    /// What a write of 1 to 8 bytes has, as a number.
    std::uint64_t value() const;
    /// Answers a read of 1 to 8 bytes with as much of `value`.
    Answer put(std::uint64_t value) const;

    /// Ends the run, since nothing answers such an access here.
    Outcome unanswered() const;
    /// Ends the run if there is a `problem` with what the guest asks for by it.
    Answer refuse(const std::optional<std::string>& problem) const;
    Outcome end(Ending ending, std::string detail = {}) const;
};

/// Answers accesses on the threads of the vCPUs that make them, side by side.
using Device = std::function<Answer(const Access&)>;

/// A device of 32-bit writes only, each of which is a call of `function(access, value)`.
template <typename Function>
Device on_call(Function function) {
    return [function = std::move(function)](const Access& access) -> Answer {
        const auto value = access.written();
        return value ? function(access, *value) : access.unanswered();
    };
}

/// The same device, for one vCPU at a time. A second that comes meanwhile does not wait: it is
/// refused, as a mistake of the guest's.
Device one_at_a_time(Device device);

/// What becomes of a string instruction (INS, OUTS), whose accesses come in one exit.
enum class StringAccess {
    refused,     ///< it ends the run: no guest of ours makes one on purpose
    one_by_one,  ///< as a processor makes them
};

/// A device of 8-bit registers, one to each of `count` ports: what is wider is made of accesses to
/// one after the other, as on a PC. Behind the last one nothing is.
Device byte_by_byte(std::uint16_t first, std::uint16_t count, Device device);

class ExitTable {
  public:
    explicit ExitTable(StringAccess strings = StringAccess::refused) : strings_(strings) {}

    void add_port(std::uint16_t port, Device device) { add_ports(port, 1, std::move(device)); }
    void add_ports(std::uint16_t first, std::uint16_t count, Device device) {
        add({Access::To::port, first, std::uint64_t{first} + count, std::move(device)});
    }
    /// From guest physical address `first` on up to `end`.
    void add_memory(std::uint64_t first, std::uint64_t end, Device device) {
        add({Access::To::memory, first, end, std::move(device)});
    }
    /// Whatever has no other device; without one, such an access ends the run.
    void add_rest(Device device) { rest_ = std::move(device); }
    /// Exits for this reason (KVM_EXIT_…), of those that the table does not know by itself.
    void add_reason(std::uint32_t reason, std::function<Answer(VcpuThread&)> answer) {
        reasons_.push_back({reason, std::move(answer)});
    }

    /// Answers the exit with which `vcpu` has just left KVM_RUN; on its thread.
    Answer answer(VcpuThread& vcpu) const;

  private:
    struct Place {
        Access::To to;
        std::uint64_t first;
        std::uint64_t end;
        Device device;
    };
    struct Reason {
        std::uint32_t reason;
        std::function<Answer(VcpuThread&)> answer;
    };

    void add(Place place);
    Answer answer_port_io(VcpuThread& vcpu, kvm_run& run) const;
    Answer answer_access(const Access& access) const;
    Answer answer_other(VcpuThread& vcpu, std::uint32_t reason) const;

    StringAccess strings_;
    std::vector<Place> places_;  // a dozen or two
    Device rest_;
    std::vector<Reason> reasons_;
};

}  // namespace nestbed::vmm
