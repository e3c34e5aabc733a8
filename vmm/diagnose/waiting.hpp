// What the vCPUs of a guest wait for, and so which of them keeps the others from going on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/channel/runtime.hpp"
#include "vmm/diagnose/stopped_machine.hpp"

namespace nestbed::vmm {

class Waiting {
  public:
    /// As the guest's memory says now; for nothing, if the guest is not ours.
    explicit Waiting(const StoppedMachine& machine);
    /// For tests.
    explicit Waiting(std::vector<channel::Wait> waits) : waits_(std::move(waits)) {}

    bool is_waiting(std::uint32_t cpu) const;

    /// vCPU 0 ends the run: it, or whom it waits for, or whom that one waits for, … Of a Rendezvous
    /// for fewer than the VM has, nobody knows whose turn it is: then who waits there.
    std::uint32_t last_to_wait_for() const;

    /// "vCPU 0 waits for vCPU 1 (wait_for)", "vCPUs 0 and 2 wait in a Rendezvous: 2 of 3 have come,
    /// vCPU 1 has not": a line for all that wait for the same.
    std::vector<std::string> texts() const;

  private:
    std::vector<std::uint32_t> waiting_like(std::uint32_t cpu) const;
    std::vector<std::uint32_t> absent_from(const std::vector<std::uint32_t>& present) const;
    bool is_for_all(const channel::Wait& meeting) const { return meeting.number == waits_.size(); }
    std::string text_of(const channel::Wait& wait, const std::vector<std::uint32_t>& cpus) const;

    std::vector<channel::Wait> waits_;  ///< of each vCPU
};

}  // namespace nestbed::vmm
