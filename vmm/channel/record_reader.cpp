#include "vmm/channel/record_reader.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "shared/channel/ring.hpp"
#include "shared/stats/histogram.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/first_and_last.hpp"
#include "vmm/channel/format.hpp"

namespace nestbed::vmm {

namespace {

/// A guest that floods the channel is stopped here, before the host's memory is full: what the
/// records of one VM may take, all of its vCPUs together, and once more what is read from them.
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

/// Kept of one test, all vCPUs together: more than anybody reads, and little beside the records.
constexpr FirstAndLastCounts kept_log_lines{10'000, 10'000};
constexpr FirstAndLastCounts kept_failures{1'000, 1'000};

}  // namespace

/// Reads what records say, and counts the host memory that it takes, about.
class RecordDecoder {
  public:
    explicit RecordDecoder(const VirtualMemory& memory) : memory_(memory) {}

    /// `copied` is what was kept of the record besides itself. Adds the memory that it takes to
    /// `bytes`, which must outlive this, and takes what is left out for it from whoever's it was.
    /// Throws PointsToNothing.
    void add(std::uint32_t cpu, const channel::Record& record, std::span<const std::byte> copied,
             std::uint64_t& bytes) {
        bytes_ = 0;
        switch (record.type) {
            case channel::RecordType::log:
                add(log_,
                    kept(fmt::format("[cpu {}] {}", cpu,
                                     format(text(record.text), arguments_of(record, memory_)))),
                    bytes);
                break;
            case channel::RecordType::skip:
                all_.skip = text(record.text);
                break;
            case channel::RecordType::parameter:
                all_.asked_for.insert(kept(text(record.text)));
                break;
            case channel::RecordType::failure:
                add(failures_, failure(record), bytes);
                break;
            case channel::RecordType::measurement:
                all_.measurements.push_back(measurement(copied));
                break;
            default:
                throw PointsToNothing{};
        }
        ++all_.count;
        bytes += bytes_;
    }

    /// All of it. Once only.
    GuestRecords take() {
        all_.log_left_out = log_.left_out();
        all_.log = things_of(log_.take());
        all_.failures_left_out = failures_.left_out();
        all_.failures = things_of(failures_.take());
        return std::move(all_);
    }

  private:
    /// What was read from a vCPU's records, and the host memory that it takes.
    template <typename T>
    struct Counted {
        T thing;
        std::uint64_t size;
        std::uint64_t* bytes;  ///< of the vCPU, until it is left out
    };

    template <typename T>
    static std::vector<T> things_of(std::vector<Counted<T>> all) {
        std::vector<T> things;
        things.reserve(all.size());
        for (Counted<T>& one : all) {
            things.push_back(std::move(one.thing));
        }
        return things;
    }

    template <typename T>
    void add(FirstAndLast<Counted<T>>& all, T one, std::uint64_t& bytes) {
        if (const auto gone = all.add({std::move(one), bytes_, &bytes})) {
            *gone->bytes -= gone->size;
        }
    }

    template <typename Pointer>
    std::string text(Pointer pointer) const {
        auto text = memory_.read_string(pointer.address);
        return text ? std::move(*text) : throw PointsToNothing{};
    }

    std::string kept(std::string text) {
        bytes_ += sizeof(std::string) + text.capacity();
        return text;
    }

    FailedExpectation failure(const channel::Record& record) {
        const auto arguments = arguments_of(record, memory_);
        const auto site = memory_.read<channel::Expectation>(record.text.address);
        if (!site || arguments.empty() || arguments.size() > 2) {
            throw PointsToNothing{};
        }
        const std::string relation = text(site->relation);
        const std::string left = text(site->left);
        const std::string first = show(arguments[0]);
        return {
            kept(text(site->file)), site->line,
            kept(site->right ? fmt::format("{} {} {}", left, relation, text(site->right)) : left),
            kept(arguments.size() == 2
                     ? fmt::format("{} {} {}", first, relation, show(arguments[1]))
                     : first)};
    }

    MeasurementEvent measurement(std::span<const std::byte> copied) {
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
            MeasurementParameter& added = event.parameters.emplace_back(MeasurementParameter{
                kept(text(parameter.name)), parameter.value, parameter.outcome != 0});
            if (parameter.text) {
                added.value = kept(memory_.read_string(parameter.text.address).value_or("?"));
            }
        }
        if (source.proved != 0) {
            event.proof = source.proof;
            event.parameters.push_back(
                {"violations", source.proof.violations, /*is_outcome=*/true});
        }
        bytes_ += sizeof event + event.parameters.size() * sizeof(MeasurementParameter);
        return event;
    }

    const VirtualMemory& memory_;
    GuestRecords all_;
    FirstAndLast<Counted<std::string>> log_{kept_log_lines};
    FirstAndLast<Counted<FailedExpectation>> failures_{kept_failures};
    std::uint64_t bytes_ = 0;  ///< of the record that is added
};

RecordReader::RecordReader(GuestMemory& memory, paging::Frame4k root,
                           const std::vector<std::uint64_t>& rings, std::uint64_t ring_records)
    : physical_(memory), memory_(memory, root), ring_records_(ring_records), copies_(map_copies()) {
    const std::size_t share = most_bytes / rings.size();
    auto* memory_of_cpu = static_cast<std::byte*>(copies_.address());
    for (const std::uint64_t ring : rings) {
        const auto cpu = static_cast<std::uint32_t>(streams_.size());
        streams_.push_back({.cpu = cpu, .ring = ring, .memory = {memory_of_cpu, share}});
        memory_of_cpu += share;
    }
}

RecordReader::RecordReader(Machine& machine)
    : RecordReader(machine.memory(), machine.boot_root(), machine.shared_pages().rings,
                   machine.settings().ring_records) {}

void RecordReader::drain(std::uint32_t cpu) {
    Stream& stream = streams_[cpu];
    const auto header = physical_.read<channel::RingHeader>(stream.ring);
    if (!header || stream.has_ended()) {
        return;
    }
    // Unsigned: a head behind `taken` is a huge distance.
    if (header->head - stream.taken > ring_records_) {
        stream.end("vCPU {}: its ring's head is {}, but {} records were taken and it holds {}",
                   stream.cpu, header->head, stream.taken, ring_records_);
        return;
    }
    while (stream.taken != header->head && !stream.has_ended()) {
        const std::uint64_t slot = stream.taken & (ring_records_ - 1);
        const auto record = physical_.read<channel::Record>(
            stream.ring + sizeof(channel::RingHeader) + slot * sizeof(channel::Record));
        take(stream, *record);
        ++stream.taken;
    }
    static_cast<void>(
        physical_.write(stream.ring + offsetof(channel::RingHeader, tail), stream.taken));
}

void RecordReader::take(Stream& stream, const channel::Record& record) const {
    const std::span<std::byte> free = stream.memory.subspan(stream.used);
    const std::size_t size = sizeof record + copied_bytes(record);
    if (record.sequence != static_cast<std::uint32_t>(stream.taken) || record.cpu != stream.cpu) {
        stream.end(
            "vCPU {}: record {} says that it is record {} of vCPU {}: one was lost or overwritten",
            stream.cpu, stream.taken, record.sequence, record.cpu);
    } else if (size > free.size()) {
        end_by_size(stream);
    } else if (!copy(record, free)) {
        end_by_pointer(stream, record);
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

GuestRecords RecordReader::finish() {
    for (const Stream& stream : streams_) {
        drain(stream.cpu);
    }
    // Each stream is in order already: the time stamps of one vCPU never go back.
    const auto next = [](const Stream& stream) {
        const bool none = stream.read == stream.used;
        return std::pair(none,
                         none ? 0 : value_at<channel::Record>(stream.memory, stream.read).tsc);
    };
    const auto earliest = [&] { return std::ranges::min_element(streams_, {}, next); };
    RecordDecoder decoder(memory_);
    for (auto stream = earliest(); stream->read != stream->used; stream = earliest()) {
        read_next(*stream, decoder);
    }
    GuestRecords all = decoder.take();
    for (const Stream& stream : streams_) {
        if (stream.has_ended()) {
            all.violations.emplace_back(stream.violation.data());
        }
    }
    return all;
}

void RecordReader::read_next(Stream& stream, RecordDecoder& decoder) const {
    const auto record = value_at<channel::Record>(stream.memory, stream.read);
    const auto copied = stream.memory.subspan(stream.read + sizeof record, copied_bytes(record));
    stream.read += sizeof record + copied.size();
    // A violation here goes before whatever drain() found, which came later in the stream.
    try {
        decoder.add(stream.cpu, record, copied, stream.bytes_read);
        if (stream.bytes_read <= stream.memory.size()) {
            return;
        }
        end_by_size(stream);
    } catch (const PointsToNothing&) {
        end_by_pointer(stream, record);
    }
    stream.read = stream.used;
}

void RecordReader::end_by_pointer(Stream& stream, const channel::Record& record) {
    stream.end("vCPU {}: record {} of type {} points to nothing ({:#x})", stream.cpu,
               record.sequence, static_cast<int>(record.type), record.text.address);
}

void RecordReader::end_by_size(Stream& stream) {
    stream.end("vCPU {}: its records take more than {} MiB", stream.cpu,
               stream.memory.size() >> 20);
}

}  // namespace nestbed::vmm
