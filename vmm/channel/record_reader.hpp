// The host's end of the record rings. The host trusts nothing: each record is copied out once and
// then checked; every index and address from the guest is checked before use.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "shared/channel/record.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/channel/event.hpp"
#include "vmm/machine/guest_memory.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/machine/virtual_memory.hpp"

namespace nestbed::vmm {

class RecordReader {
  public:
    /// `rings` are the guest physical addresses of the vCPUs' rings, each of `ring_records`
    /// records; `root` is that of the tables through which the records' pointers are read. `memory`
    /// must outlive it.
    RecordReader(GuestMemory& memory, paging::Frame4k root, std::vector<std::uint64_t> rings,
                 std::uint64_t ring_records);

    /// `machine` must outlive it.
    explicit RecordReader(Machine& machine);

    /// Takes all records of a vCPU that is outside the guest. Different vCPUs may be drained side
    /// by side, each on its own thread.
    void drain(std::uint32_t cpu);

    /// Takes what is left, when no vCPU runs any more; all events in the order of their time
    /// stamps, those of one vCPU in the order in which it wrote them.
    std::vector<Event> finish();

    /// What the guest did wrong with its rings, if anything: a lost record, an impossible index.
    std::vector<std::string> violations() const;

  private:
    struct Stream {
        std::uint64_t taken = 0;  ///< records; the host's own copy of `tail`
        std::uint64_t bytes = 0;  ///< of host memory that its events hold, about
        std::vector<Event> events;
        std::optional<std::string> violation;  ///< ends the stream
    };

    void take(std::uint32_t cpu, const channel::Record& record);
    std::optional<Event> decode(std::uint32_t cpu, const channel::Record& record) const;

    GuestMemory& physical_;
    VirtualMemory memory_;
    std::vector<std::uint64_t> rings_;
    std::uint64_t ring_records_;
    std::vector<Stream> streams_;  // one per vCPU, touched only by whoever drains it
};

}  // namespace nestbed::vmm
