#include "vmm/channel/record_reader.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>
#include <variant>

#include "shared/channel/ring.hpp"
#include "shared/stats/histogram.hpp"
#include "vmm/base/error.hpp"
#include "vmm/channel/format.hpp"

namespace nestbed::vmm {

namespace {

/// A guest that floods the channel is stopped here, before the host's memory is full: what the
/// records of one VM may take, all of its vCPUs together, and once more the events made of them.
constexpr std::uint64_t most_bytes = 256U << 20;

/// What is kept of a record besides itself: of a measurement the `channel::Measurement` and, behind
/// it, the `stats::Histogram`.
std::size_t copied_bytes(const channel::Record& record) {
    return record.type == channel::RecordType::measurement
               ? sizeof(channel::Measurement) + sizeof(stats::Histogram)
               : 0;
}

/// Address space for all copies; memory only for those that are made, in small pages: the first
/// touch of a huge one would clear 2 MiB while a vCPU waits.
Mapping map_copies() {
    void* address = ::mmap(nullptr, most_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        throw_error(ErrorKind::kernel_refused,
                    "cannot set {} MiB of addresses aside for records: {}", most_bytes >> 20,
                    std::strerror(errno));
    }
    Mapping copies(address, most_bytes);
    ::madvise(address, most_bytes, MADV_NOHUGEPAGE);  // refused where there are no huge pages
    return copies;
}

template <typename T>
T value_at(std::span<const std::byte> bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// Thrown where a record points to nothing that could be read.
struct PointsToNothing {};

/// Makes events of records, and counts the host memory that they hold, about.
class Decoder {
  public:
    explicit Decoder(const VirtualMemory& memory) : memory_(memory) {}

    /// `copied` is what was kept of the record besides itself. Throws PointsToNothing.
    Event event(std::uint32_t cpu, const channel::Record& record,
                std::span<const std::byte> copied) {
        bytes_ += sizeof(Event);
        const auto event = [&](auto what) { return Event{record.tsc, cpu, std::move(what)}; };
        switch (record.type) {
            case channel::RecordType::log:
                return event(
                    LogLine{kept(RecordArguments(record, memory_).format(text(record.text)))});
            case channel::RecordType::skip:
                return event(SkipRequest{kept(text(record.text))});
            case channel::RecordType::parameter:
                return event(ParameterRequest{kept(text(record.text))});
            case channel::RecordType::failure:
                return event(failure(record));
            case channel::RecordType::measurement:
                return event(measurement(copied));
        }
        throw PointsToNothing{};
    }

    std::uint64_t bytes() const { return bytes_; }

  private:
    template <typename Pointer>
    std::string text(Pointer pointer) const {
        auto text = memory_.read_string(pointer.address);
        return text ? std::move(*text) : throw PointsToNothing{};
    }

    std::string kept(std::string text) {
        bytes_ += text.capacity();
        return text;
    }

    FailedExpectation failure(const channel::Record& record) {
        const RecordArguments arguments(record, memory_);
        const auto site = memory_.read<channel::Expectation>(record.text.address);
        if (!site || arguments.count() != 2) {
            throw PointsToNothing{};
        }
        const std::string relation = text(site->relation);
        return {kept(text(site->file)), site->line,
                kept(fmt::format("{} {} {}", text(site->left), relation, text(site->right))),
                kept(fmt::format("{} {} {}", arguments.show(0), relation, arguments.show(1)))};
    }

    std::shared_ptr<const MeasurementEvent> measurement(std::span<const std::byte> copied) {
        const auto source = value_at<channel::Measurement>(copied, 0);
        MeasurementEvent event{.name = kept(text(source.name)),
                               .unit = kept(text(source.unit)),
                               .parameters = {},
                               .histogram = value_at<stats::Histogram>(copied, sizeof source),
                               .counted = source.counted != 0};
        if (source.parameter_count > channel::max_measurement_parameters ||
            !event.histogram.is_consistent()) {
            throw PointsToNothing{};
        }
        for (const channel::Parameter& parameter :
             std::span(source.parameters).first(source.parameter_count)) {
            MeasurementParameter& added = event.parameters.emplace_back(
                MeasurementParameter{kept(text(parameter.name)), parameter.value});
            if (parameter.text) {
                added.value = kept(memory_.read_string(parameter.text.address).value_or("?"));
            }
        }
        if (source.proved != 0) {
            event.proof = source.proof;
            event.parameters.push_back({"violations", source.proof.violations});
        }
        bytes_ += sizeof event + event.parameters.size() * sizeof(MeasurementParameter);
        return std::make_shared<MeasurementEvent>(std::move(event));
    }

    const VirtualMemory& memory_;
    std::uint64_t bytes_ = 0;
};

}  // namespace

RecordReader::RecordReader(GuestMemory& memory, paging::Frame4k root,
                           std::vector<std::uint64_t> rings, std::uint64_t ring_records)
    : physical_(memory),
      memory_(memory, root),
      rings_(std::move(rings)),
      ring_records_(ring_records),
      copies_(map_copies()),
      streams_(rings_.size()) {
    const std::span all(static_cast<std::byte*>(copies_.address()), copies_.size());
    const std::size_t share = all.size() / streams_.size();
    for (std::size_t cpu = 0; cpu < streams_.size(); ++cpu) {
        streams_[cpu].memory = all.subspan(cpu * share, share);
    }
}

RecordReader::RecordReader(Machine& machine)
    : RecordReader(machine.memory(), machine.boot_root(), machine.shared_pages().rings,
                   machine.settings().ring_records) {}

void RecordReader::drain(std::uint32_t cpu) {
    Stream& stream = streams_[cpu];
    const std::uint64_t ring = rings_[cpu];
    const auto header = physical_.read<channel::RingHeader>(ring);
    if (!header || stream.violation) {
        return;
    }
    // Unsigned: a head behind `taken` is a huge distance.
    if (header->head - stream.taken > ring_records_) {
        stream.violation = {Fault::impossible_head, {}, header->head};
        return;
    }
    while (stream.taken != header->head && !stream.violation) {
        const std::uint64_t slot = stream.taken & (ring_records_ - 1);
        const auto record = physical_.read<channel::Record>(ring + sizeof(channel::RingHeader) +
                                                            slot * sizeof(channel::Record));
        take(stream, cpu, *record);
        ++stream.taken;
    }
    static_cast<void>(physical_.write(ring + offsetof(channel::RingHeader, tail), stream.taken));
}

void RecordReader::take(Stream& stream, std::uint32_t cpu, const channel::Record& record) const {
    const std::span<std::byte> free = stream.memory.subspan(stream.used);
    const std::size_t size = sizeof record + copied_bytes(record);
    if (record.sequence != static_cast<std::uint32_t>(stream.taken) || record.cpu != cpu) {
        stream.violation = {Fault::out_of_sequence, record};
    } else if (size > free.size()) {
        stream.violation = {Fault::too_much, record};
    } else if (!copy(record, free)) {
        stream.violation = {Fault::points_to_nothing, record};
    } else {
        stream.used += size;
    }
}

bool RecordReader::copy(const channel::Record& record, std::span<std::byte> destination) const {
    std::memcpy(destination.data(), &record, sizeof record);
    if (record.type != channel::RecordType::measurement) {
        return true;
    }
    const auto measurement = destination.subspan(sizeof record, sizeof(channel::Measurement));
    const auto histogram =
        destination.subspan(sizeof record + measurement.size(), sizeof(stats::Histogram));
    return memory_.copy(record.text.address, measurement) &&
           memory_.copy(value_at<channel::Measurement>(measurement, 0).histogram.address,
                        histogram);
}

std::vector<Event> RecordReader::finish() {
    std::vector<Event> all;
    for (std::uint32_t cpu = 0; cpu < streams_.size(); ++cpu) {
        drain(cpu);
        std::ranges::move(read(streams_[cpu], cpu), std::back_inserter(all));
    }
    // Stable, and each stream is in order already: the time stamps of one vCPU never go back.
    std::ranges::stable_sort(all, {}, &Event::tsc);
    return all;
}

std::vector<Event> RecordReader::read(Stream& stream, std::uint32_t cpu) const {
    std::vector<Event> events;
    Decoder decoder(memory_);
    const std::span<const std::byte> copies = stream.memory.first(stream.used);
    for (std::size_t at = 0; at < copies.size();) {
        const auto record = value_at<channel::Record>(copies, at);
        const auto copied = copies.subspan(at + sizeof record, copied_bytes(record));
        at += sizeof record + copied.size();
        // A violation here goes before whatever drain() found, which came later in the stream.
        try {
            events.push_back(decoder.event(cpu, record, copied));
        } catch (const PointsToNothing&) {
            stream.violation = {Fault::points_to_nothing, record};
            break;
        }
        if (decoder.bytes() > stream.memory.size()) {
            events.pop_back();
            stream.violation = {Fault::too_much, record};
            break;
        }
    }
    return events;
}

std::vector<std::string> RecordReader::violations() const {
    std::vector<std::string> result;
    for (std::uint32_t cpu = 0; cpu < streams_.size(); ++cpu) {
        if (streams_[cpu].violation) {
            result.push_back(text_of(*streams_[cpu].violation, cpu));
        }
    }
    return result;
}

std::string RecordReader::text_of(const Violation& violation, std::uint32_t cpu) const {
    const Stream& stream = streams_[cpu];
    const channel::Record& record = violation.record;
    switch (violation.fault) {
        case Fault::impossible_head:
            return fmt::format(
                "vCPU {}: its ring's head is {}, but {} records were taken and "
                "it holds {}",
                cpu, violation.head, stream.taken, ring_records_);
        case Fault::out_of_sequence:
            // The faulty one was counted as taken, and nothing after it was.
            return fmt::format(
                "vCPU {}: record {} says that it is record {} of vCPU {}: one was lost or "
                "overwritten",
                cpu, stream.taken - 1, record.sequence, record.cpu);
        case Fault::points_to_nothing:
            return fmt::format("vCPU {}: record {} of type {} points to nothing ({:#x})", cpu,
                               record.sequence, static_cast<int>(record.type), record.text.address);
        case Fault::too_much:
            return fmt::format("vCPU {}: its records take more than {} MiB", cpu,
                               stream.memory.size() >> 20);
    }
    return "";
}

}  // namespace nestbed::vmm
