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
#include "vmm/channel/record_decoder.hpp"

namespace nestbed::vmm {

namespace {

/// A guest that floods the channel is stopped here, before the host's memory is full: what the
/// records of one VM may take, all of its vCPUs together.
constexpr std::uint64_t most_copied_bytes = 128U << 20;
// They are gone when what they say is packed to be sent, and then unpacked.
static_assert(most_copied_bytes + 4 * most_decoded_bytes <= most_record_bytes);

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
    void* address = ::mmap(nullptr, most_copied_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        throw_error(ErrorKind::kernel_refused,
                    "cannot set {} MiB of addresses aside for records: {}", most_copied_bytes >> 20,
                    std::strerror(errno));
    }
    Mapping copies(address, most_copied_bytes);
    ::madvise(address, most_copied_bytes,
              MADV_NOHUGEPAGE);  // refused where there are no huge pages
    return copies;
}

}  // namespace

RecordReader::RecordReader(GuestMemory& memory, paging::Frame4k root,
                           const std::vector<std::uint64_t>& rings, std::uint64_t ring_records)
    : physical_(memory), memory_(memory, root), ring_records_(ring_records), copies_(map_copies()) {
    const std::size_t share = most_copied_bytes / rings.size();
    auto* memory_of_cpu = static_cast<std::byte*>(copies_->address());
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
    copies_.reset();
    GuestRecords all = decoder.take([this](const channel::Record& record) {
        if (!streams_[record.cpu].has_ended()) {
            end_by_pointer(streams_[record.cpu], record);
        }
    });
    for (const Stream& stream : streams_) {
        if (stream.has_ended()) {
            all.violations.emplace_back(stream.violation.data());
        }
    }
    return all;
}

void RecordReader::read_next(Stream& stream, RecordDecoder& decoder) {
    const auto record = value_at<channel::Record>(stream.memory, stream.read);
    const auto copied = stream.memory.subspan(stream.read + sizeof record, copied_bytes(record));
    stream.read += sizeof record + copied.size();
    // A violation here goes before whatever drain() found, which came later in the stream.
    try {
        decoder.add(record, copied);
        return;
    } catch (const PointsToNothing&) {
        end_by_pointer(stream, record);
    } catch (const SaysTooMuch&) {
        stream.end("vCPU {}: what the VM's records say takes more than {} MiB, or {} measurements",
                   stream.cpu, most_decoded_bytes >> 20, most_measurements);
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
