// The host's end of the record rings. The host trusts nothing: each record is copied out once and
// then checked; every index and address from the guest is checked before use.
//
// A doorbell is answered while its vCPU waits, so it only copies: the records, and of what they
// point to what the guest may change afterwards. What they say is read when the run is over.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shared/channel/record.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/base/descriptor.hpp"
#include "vmm/channel/guest_records.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/virtual_memory.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {

class RecordDecoder;

/// What the records of one VM may take of the host's memory, all told. Whoever sends more has ended
/// the reading of them.
inline constexpr std::uint64_t most_record_bytes = 256U << 20;

class RecordReader {
  public:
    /// `rings` are the guest physical addresses of the vCPUs' rings, each of `ring_records`
    /// records; `root` is that of the tables through which the records' pointers are read. `memory`
    /// must outlive it.
    RecordReader(GuestMemory& memory, paging::Frame4k root, const std::vector<std::uint64_t>& rings,
                 std::uint64_t ring_records);

    /// `machine` must outlive it.
    explicit RecordReader(Machine& machine);

    /// Takes all records of a vCPU that is outside the guest. Different vCPUs may be drained side
    /// by side, each on its own thread. Allocates nothing and takes no lock.
    void drain(std::uint32_t cpu);

    /// Takes what is left, when no vCPU runs any more, and reads it. Once only.
    GuestRecords finish();

  private:
    struct Stream {
        std::uint32_t cpu;
        std::uint64_t ring;                 ///< guest physical address
        std::span<std::byte> memory;        ///< for copies of records, one behind the other …
        std::size_t used = 0;               ///< … bytes so far
        std::uint64_t taken = 0;            ///< records; the host's own copy of `tail`
        std::size_t read = 0;               ///< of `used`, after the run
        std::array<char, 192> violation{};  ///< in words; ends the stream, unless empty

        template <typename... Values>
        void end(fmt::format_string<Values...> format, Values&&... values) {
            const auto [end, size] = fmt::format_to_n(violation.data(), violation.size() - 1,
                                                      format, std::forward<Values>(values)...);
            *end = '\0';
        }
        bool has_ended() const { return violation[0] != 0; }
    };

    void take(Stream& stream, const channel::Record& record) const;
    /// The record and what is kept besides; false if it points to nothing.
    bool copy(const channel::Record& record, std::span<std::byte> destination) const;
    static void read_next(Stream& stream, RecordDecoder& decoder);
    static void end_by_pointer(Stream& stream, const channel::Record& record);
    static void end_by_size(Stream& stream);

    GuestMemory& physical_;
    VirtualMemory memory_;
    std::uint64_t ring_records_;
    std::optional<Mapping> copies_;  // of all streams, until they are read
    std::vector<Stream> streams_;    // one per vCPU, touched only by whoever drains it
};

}  // namespace nestbed::vmm
