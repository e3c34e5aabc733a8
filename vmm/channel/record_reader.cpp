#include "vmm/channel/record_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "shared/channel/ring.hpp"
#include "vmm/channel/format.hpp"

namespace nestbed::vmm {

namespace {

/// A guest that floods the channel is stopped here, before the host's memory is full.
constexpr std::size_t max_events_per_cpu = 1U << 20;

}  // namespace

RecordReader::RecordReader(Machine& machine)
    : machine_(machine),
      memory_(machine.memory(), machine.boot_root()),
      streams_(machine.settings().cpus) {}

void RecordReader::drain(std::uint32_t cpu) {
    Stream& stream = streams_[cpu];
    GuestMemory& memory = machine_.memory();
    const std::uint64_t ring = machine_.shared_pages().rings[cpu];
    const std::uint64_t capacity = machine_.settings().ring_records;
    const auto header = memory.read<channel::RingHeader>(ring);
    if (!header || stream.violation) {
        return;
    }
    // Unsigned: a head behind `taken` is a huge distance.
    if (header->head - stream.taken > capacity) {
        stream.violation = fmt::format("vCPU {}: its ring's head is {}, but {} records were taken and "
                                       "it holds {}",
                                       cpu, header->head, stream.taken, capacity);
        return;
    }
    while (stream.taken != header->head && !stream.violation) {
        const std::uint64_t slot = stream.taken & (capacity - 1);
        const auto record = memory.read<channel::Record>(ring + sizeof(channel::RingHeader) +
                                                         slot * sizeof(channel::Record));
        take(cpu, *record);
        ++stream.taken;
    }
    static_cast<void>(memory.write(ring + offsetof(channel::RingHeader, tail), stream.taken));
}

void RecordReader::take(std::uint32_t cpu, const channel::Record& record) {
    Stream& stream = streams_[cpu];
    if (record.sequence != static_cast<std::uint32_t>(stream.taken) || record.cpu != cpu) {
        stream.violation =
            fmt::format("vCPU {}: record {} says that it is record {} of vCPU {}: one was lost or "
                        "overwritten",
                        cpu, stream.taken, record.sequence, record.cpu);
        return;
    }
    if (stream.events.size() == max_events_per_cpu) {
        stream.violation = fmt::format("vCPU {}: more than {} records", cpu, max_events_per_cpu);
        return;
    }
    if (auto event = decode(cpu, record)) {
        stream.events.push_back(std::move(*event));
    } else {
        stream.violation = fmt::format("vCPU {}: record {} of type {} points to nothing ({:#x})", cpu,
                                       record.sequence, static_cast<int>(record.type),
                                       record.text.address);
    }
}

std::optional<Event> RecordReader::decode(std::uint32_t cpu, const channel::Record& record) const {
    const RecordArguments arguments(record, memory_);
    const auto event = [&](auto what) { return Event{record.tsc, cpu, std::move(what)}; };
    const auto text = [&](auto pointer) { return memory_.read_string(pointer.address); };
    switch (record.type) {
        case channel::RecordType::log:
            if (const auto format = text(record.text)) {
                return event(LogLine{arguments.format(*format)});
            }
            return std::nullopt;
        case channel::RecordType::skip:
            if (auto reason = text(record.text)) {
                return event(SkipRequest{std::move(*reason)});
            }
            return std::nullopt;
        case channel::RecordType::failure: {
            const auto site = memory_.read<channel::Expectation>(record.text.address);
            if (!site || arguments.count() != 2) {
                return std::nullopt;
            }
            const auto file = text(site->file);
            const auto left = text(site->left);
            const auto relation = text(site->relation);
            const auto right = text(site->right);
            if (!file || !left || !relation || !right) {
                return std::nullopt;
            }
            return event(FailedExpectation{
                *file, site->line, fmt::format("{} {} {}", *left, *relation, *right),
                fmt::format("{} {} {}", arguments.show(0), *relation, arguments.show(1))});
        }
        case channel::RecordType::measurement: {
            const auto source = memory_.read<channel::Measurement>(record.text.address);
            if (!source || source->parameter_count > channel::max_measurement_parameters) {
                return std::nullopt;
            }
            const auto name = text(source->name);
            const auto unit = text(source->unit);
            const auto histogram = memory_.read<stats::Histogram>(source->histogram.address);
            if (!name || !unit || !histogram || !histogram->is_consistent()) {
                return std::nullopt;
            }
            MeasurementEvent measurement{*name, *unit, {}, *histogram};
            for (std::uint32_t i = 0; i < source->parameter_count; ++i) {
                const channel::Parameter& parameter = source->parameters[i];
                const auto parameter_name = text(parameter.name);
                if (!parameter_name) {
                    return std::nullopt;
                }
                MeasurementParameter& added =
                    measurement.parameters.emplace_back(*parameter_name, parameter.value);
                if (parameter.text) {
                    added.value = text(parameter.text).value_or("?");
                }
            }
            return event(std::move(measurement));
        }
    }
    return std::nullopt;
}

std::vector<Event> RecordReader::finish() {
    std::vector<Event> all;
    for (std::uint32_t cpu = 0; cpu < streams_.size(); ++cpu) {
        drain(cpu);
        std::ranges::move(streams_[cpu].events, std::back_inserter(all));
        streams_[cpu].events.clear();
    }
    // Stable, and each stream is in order already: the time stamps of one vCPU never go back.
    std::ranges::stable_sort(all, {}, &Event::tsc);
    return all;
}

std::vector<std::string> RecordReader::violations() const {
    std::vector<std::string> result;
    for (const Stream& stream : streams_) {
        if (stream.violation) {
            result.push_back(*stream.violation);
        }
    }
    return result;
}

}  // namespace nestbed::vmm
