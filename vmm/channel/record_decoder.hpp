// What records say: read when the run is over, from the guest's memory as it is then. What that
// takes, of time and of memory, has a bound, whatever the records are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "shared/channel/record.hpp"
#include "vmm/channel/guest_records.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

/// What all records of a VM say, once it is text and numbers: about so many bytes of the host's.
inline constexpr std::uint64_t most_decoded_bytes = 32U << 20;

/// More than any table of a test's can show.
inline constexpr std::size_t most_measurements = 1'000;
/// More than anybody reads: of the first ones, and as many of the last ones.
inline constexpr std::size_t most_log_lines = 10'000;
inline constexpr std::size_t most_failures = 1'000;

/// Thrown where a record points to nothing that could be read.
struct PointsToNothing {};
/// Thrown where there is no more room for what a record says.
struct SaysTooMuch {};

class RecordDecoder {
  public:
    /// Of a record that was put off, and turns out to be none.
    using Refuse = std::function<void(const channel::Record&)>;

    /// `memory` must outlive it.
    explicit RecordDecoder(const VirtualMemory& memory) : memory_(memory) {}

    /// `copied` is what was kept of the record besides itself. Throws PointsToNothing, SaysTooMuch.
    void add(const channel::Record& record, std::span<const std::byte> copied);

    /// All of it. Once only.
    GuestRecords take(const Refuse& refuse);

  private:
    /// Of one kind the first ones, and of the last ones the records, which are read only if no
    /// later ones come.
    template <typename T>
    struct Kept {
        std::size_t most;  ///< of each
        std::vector<T> first{};
        std::deque<channel::Record> last{};
        std::uint64_t left_out = 0;
    };

    template <typename T, typename Read>
    void keep(Kept<T>& kept, const channel::Record& record, const Read& read);
    template <typename T, typename Read>
    std::vector<T> take(Kept<T>& kept, const Read& read, const Refuse& refuse);

    std::string text(std::uint64_t address) const;
    std::string counted(std::string text);
    void count(std::uint64_t bytes);
    std::string line(const channel::Record& record);
    FailedExpectation failure(const channel::Record& record);
    void add_parameter(const channel::Record& record);
    MeasurementEvent measurement(std::span<const std::byte> copied);

    const VirtualMemory& memory_;
    GuestRecords all_;
    Kept<std::string> log_{.most = most_log_lines};
    Kept<FailedExpectation> failures_{.most = most_failures};
    std::set<std::uint64_t> parameter_names_;  ///< addresses that were read
    std::uint64_t bytes_ = 0;
};

/// A value out of `bytes`, which has it whole.
template <typename T>
T value_at(std::span<const std::byte> bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

}  // namespace nestbed::vmm
