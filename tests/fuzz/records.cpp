// What a guest leaves in its rings: records and what they point to, in order or not, taken and read
// by the host. An input is a list of what the guest does.

#include <algorithm>
#include <array>

#include "shared/channel/ring.hpp"
#include "shared/stats/histogram.hpp"
#include "tests/fuzz/flat_memory.hpp"
#include "tests/fuzz/target.hpp"
#include "vmm/channel/record_reader.hpp"

namespace nestbed {
namespace {

using stats::Histogram;

/// Of the memory that is cleared for each input: the rings, then what records point to, then the
/// tables.
constexpr std::uint64_t rings_at = 0x1000;
constexpr std::uint64_t data_at = 0x8000;
constexpr std::uint64_t data_end = fuzz::FlatMemory::tables;

class HostileGuest {
  public:
    HostileGuest(fuzz::FlatMemory& memory, fuzz::Choices& choices)
        : memory_(memory), choices_(choices), ring_records_(1ULL << (1 + choices.below(4))) {
        memory.clear();
        memory.build_tables();
        for (unsigned cpu = 1 + choices.below(most_cpus); cpu != 0; --cpu) {
            rings_.push_back(rings_at + rings_.size() * 0x1000);
        }
    }

    vmm::GuestRecords run() {
        vmm::RecordReader reader(memory_.memory(), fuzz::FlatMemory::root(), rings_, ring_records_);
        while (!choices_.none_left()) {
            act(reader);
        }
        return reader.finish();
    }

    std::size_t cpus() const { return rings_.size(); }

  private:
    static constexpr unsigned most_cpus = 3;

    void act(vmm::RecordReader& reader) {
        switch (choices_.below(8)) {
            case 0:
                text();
                break;
            case 1:
                expectation();
                break;
            case 2:
                measurement();
                break;
            case 3:
                reader.drain(cpu());
                break;
            case 4:
                overwrite();
                break;
            case 5:
                put(ring() + choices_.below(3) * 8, choices_.value<std::uint64_t>());
                break;
            default:
                record();
        }
    }

    std::uint32_t cpu() { return static_cast<std::uint32_t>(choices_.byte() % rings_.size()); }
    std::uint64_t ring() { return rings_[cpu()]; }

    template <typename T>
    void put(std::uint64_t at, const T& value) {
        static_cast<void>(memory_.memory().write(at, value));
    }

    /// The address of a value that is placed behind the others; when there is no more room, of the
    /// first.
    template <typename T>
    std::uint64_t place(const T& value) {
        if (sizeof value > data_end - next_) {
            next_ = data_at;
        }
        put(next_, value);
        places_[place_count_++ % places_.size()] = fuzz::FlatMemory::direct_map + next_;
        next_ += (sizeof value + 7) / 8 * 8;
        return places_[(place_count_ - 1) % places_.size()];
    }

    /// Mostly to something that was placed.
    template <typename T = void>
    channel::Pointer<T> pointer() {
        const std::uint8_t which = choices_.byte();
        return {which == 255 ? choices_.value<std::uint64_t>() : places_[which % places_.size()]};
    }

    void text() {
        std::array<char, 256> characters{};
        std::ranges::copy(choices_.text(), characters.begin());
        place(characters);
    }

    void expectation() {
        place(channel::Expectation{pointer<const char>(), pointer<const char>(),
                                   pointer<const char>(), pointer<const char>(), choices_.byte()});
    }

    void measurement() {
        Histogram histogram;
        for (unsigned n = choices_.below(4); n != 0; --n) {
            histogram.record(choices_.value<std::uint64_t>() >> choices_.below(64));
        }
        channel::Measurement measurement{};
        measurement.name = pointer<const char>();
        measurement.unit = pointer<const char>();
        measurement.histogram = {place(histogram)};
        measurement.parameter_count = choices_.below(18);
        measurement.counted = choices_.below(2);
        measurement.proved = choices_.below(2);
        measurement.proof = {choices_.byte(), choices_.byte()};
        for (unsigned n = 0; n < std::min(measurement.parameter_count, 4U); ++n) {
            measurement.parameters[n] = {pointer<const char>(), pointer<const char>(),
                                         choices_.byte(), choices_.below(2)};
        }
        place(measurement);
    }

    /// A few bytes of anything: records, histograms, tables.
    void overwrite() {
        std::uint64_t at = choices_.value<std::uint16_t>();
        for (const std::byte one : choices_.take(1 + choices_.below(8))) {
            put(at++, one);
        }
    }

    void record() {
        const std::uint64_t at = ring();
        const std::uint64_t head = memory_.memory().read<std::uint64_t>(at).value_or(0);
        channel::Record record{};
        record.tsc = choices_.byte();
        record.type = static_cast<channel::RecordType>(choices_.below(7));
        record.kinds = choices_.value<std::uint16_t>();
        record.argument_count = choices_.below(6);
        record.text = pointer<const void>();
        for (unsigned n = 0; n < std::min<unsigned>(record.argument_count, 4); ++n) {
            record.arguments[n] = pointer().address;
        }
        record.cpu = static_cast<std::uint8_t>((at - rings_at) / 0x1000);
        record.sequence = static_cast<std::uint32_t>(head);
        const std::uint64_t slot = head & (ring_records_ - 1);
        put(at + sizeof(channel::RingHeader) + slot * sizeof record, record);
        put(at, head + 1);
    }

    fuzz::FlatMemory& memory_;
    fuzz::Choices& choices_;
    std::uint64_t ring_records_;
    std::vector<std::uint64_t> rings_;
    std::uint64_t next_ = data_at;
    std::array<std::uint64_t, 16> places_{};
    std::size_t place_count_ = 0;
};

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(records) {
    using namespace nestbed;
    static fuzz::FlatMemory memory;
    fuzz::Choices choices(input);
    HostileGuest guest(memory, choices);
    const vmm::GuestRecords records = guest.run();
    fuzz::require(records.violations.size() <= guest.cpus(), "a violation ends its stream");
    fuzz::require(records.log.size() + records.log_left_out + records.failures.size() +
                          records.failures_left_out + records.measurements.size() <=
                      records.count,
                  "every record is counted");
    for (const vmm::MeasurementEvent& event : records.measurements) {
        fuzz::require(event.histogram.is_consistent(), "histograms are consistent");
        fuzz::require(event.parameters.size() <= channel::max_measurement_parameters + 1,
                      "parameters are bounded");
    }
}
