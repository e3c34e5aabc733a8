#include "vmm/channel/record_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <variant>

#include "shared/channel/ring.hpp"
#include "vmm/channel/format.hpp"

namespace nestbed::vmm {

namespace {

/// A guest that floods the channel is stopped here, before the host's memory is full: what the
/// events of one VM may hold, all of its vCPUs together.
constexpr std::uint64_t max_event_bytes = 256U << 20;

/// Host memory that an event holds, about.
std::uint64_t bytes_of(const Event& event) {
    struct Visitor {
        std::uint64_t operator()(const LogLine& line) const { return line.text.capacity(); }
        std::uint64_t operator()(const FailedExpectation& failure) const {
            return failure.file.capacity() + failure.expression.capacity() +
                   failure.values.capacity();
        }
        std::uint64_t operator()(const SkipRequest& skip) const { return skip.reason.capacity(); }
        std::uint64_t operator()(const std::shared_ptr<const MeasurementEvent>& measurement) const {
            std::uint64_t bytes = sizeof(MeasurementEvent) + measurement->name.capacity() +
                                  measurement->unit.capacity();
            for (const MeasurementParameter& parameter : measurement->parameters) {
                const auto* text = std::get_if<std::string>(&parameter.value);
                bytes += sizeof parameter + parameter.name.capacity() +
                         (text != nullptr ? text->capacity() : 0);
            }
            return bytes;
        }
    };
    return sizeof event + std::visit(Visitor{}, event.what);
}

}  // namespace

RecordReader::RecordReader(GuestMemory& memory, paging::Frame4k root,
                           std::vector<std::uint64_t> rings, std::uint64_t ring_records)
    : physical_(memory),
      memory_(memory, root),
      rings_(std::move(rings)),
      ring_records_(ring_records),
      streams_(rings_.size()) {}

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
        stream.violation = fmt::format(
            "vCPU {}: its ring's head is {}, but {} records were taken and "
            "it holds {}",
            cpu, header->head, stream.taken, ring_records_);
        return;
    }
    while (stream.taken != header->head && !stream.violation) {
        const std::uint64_t slot = stream.taken & (ring_records_ - 1);
        const auto record = physical_.read<channel::Record>(ring + sizeof(channel::RingHeader) +
                                                            slot * sizeof(channel::Record));
        take(cpu, *record);
        ++stream.taken;
    }
    static_cast<void>(physical_.write(ring + offsetof(channel::RingHeader, tail), stream.taken));
}

void RecordReader::take(std::uint32_t cpu, const channel::Record& record) {
    Stream& stream = streams_[cpu];
    if (record.sequence != static_cast<std::uint32_t>(stream.taken) || record.cpu != cpu) {
        stream.violation = fmt::format(
            "vCPU {}: record {} says that it is record {} of vCPU {}: one was lost or "
            "overwritten",
            cpu, stream.taken, record.sequence, record.cpu);
        return;
    }
    if (auto event = decode(cpu, record)) {
        const std::uint64_t limit = max_event_bytes / streams_.size();
        stream.bytes += bytes_of(*event);
        if (stream.bytes > limit) {
            stream.violation =
                fmt::format("vCPU {}: its records take more than {} MiB", cpu, limit >> 20);
            return;
        }
        stream.events.push_back(std::move(*event));
    } else {
        stream.violation =
            fmt::format("vCPU {}: record {} of type {} points to nothing ({:#x})", cpu,
                        record.sequence, static_cast<int>(record.type), record.text.address);
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
            auto measurement =
                std::make_shared<MeasurementEvent>(MeasurementEvent{*name, *unit, {}, *histogram});
            for (std::uint32_t i = 0; i < source->parameter_count; ++i) {
                const channel::Parameter& parameter = source->parameters[i];
                const auto parameter_name = text(parameter.name);
                if (!parameter_name) {
                    return std::nullopt;
                }
                MeasurementParameter& added = measurement->parameters.emplace_back(
                    MeasurementParameter{*parameter_name, parameter.value});
                if (parameter.text) {
                    added.value = text(parameter.text).value_or("?");
                }
            }
            return event(std::shared_ptr<const MeasurementEvent>(std::move(measurement)));
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
