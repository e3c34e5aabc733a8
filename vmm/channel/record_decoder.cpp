#include "vmm/channel/record_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/stats/histogram.hpp"
#include "vmm/channel/format.hpp"

namespace nestbed::vmm {

void RecordDecoder::add(const channel::Record& record, std::span<const std::byte> copied) {
    switch (record.type) {
        case channel::RecordType::log:
            keep(log_, record, [&] { return line(record); });
            break;
        case channel::RecordType::failure:
            keep(failures_, record, [&] { return failure(record); });
            break;
        case channel::RecordType::skip:
            all_.skip = text(record.text.address);
            break;
        case channel::RecordType::parameter:
            add_parameter(record);
            break;
        case channel::RecordType::measurement:
            if (all_.measurements.size() == most_measurements) {
                throw SaysTooMuch{};
            }
            all_.measurements.push_back(measurement(copied));
            break;
        default:
            throw PointsToNothing{};
    }
    ++all_.count;
}

GuestRecords RecordDecoder::take(const Refuse& refuse) {
    // What is asked for first has the room.
    all_.failures = take(
        failures_, [&](const channel::Record& r) { return failure(r); }, refuse);
    all_.failures_left_out = failures_.left_out;
    all_.log = take(
        log_, [&](const channel::Record& r) { return line(r); }, refuse);
    all_.log_left_out = log_.left_out;
    return std::move(all_);
}

template <typename T, typename Read>
void RecordDecoder::keep(Kept<T>& kept, const channel::Record& record, const Read& read) {
    if (kept.first.size() < kept.most) {
        kept.first.push_back(read());
        return;
    }
    kept.last.push_back(record);
    if (kept.last.size() > kept.most) {
        kept.last.pop_front();
        ++kept.left_out;
    }
}

template <typename T, typename Read>
std::vector<T> RecordDecoder::take(Kept<T>& kept, const Read& read, const Refuse& refuse) {
    // The very last ones first: if there is no room for all, they tell most.
    std::vector<T> last;
    for (; !kept.last.empty(); kept.last.pop_back()) {
        try {
            last.push_back(read(kept.last.back()));
        } catch (const PointsToNothing&) {
            refuse(kept.last.back());
        } catch (const SaysTooMuch&) {
            kept.left_out += kept.last.size();
            kept.last.clear();
            break;
        }
    }
    std::move(last.rbegin(), last.rend(), std::back_inserter(kept.first));
    return std::move(kept.first);
}

std::string RecordDecoder::text(std::uint64_t address) const {
    auto text = memory_.read_string(address);
    return text ? std::move(*text) : throw PointsToNothing{};
}

void RecordDecoder::count(std::uint64_t bytes) {
    bytes_ += bytes;
    if (bytes_ > most_decoded_bytes) {
        throw SaysTooMuch{};
    }
}

std::string RecordDecoder::counted(std::string text) {
    count(sizeof(std::string) + text.capacity());
    return text;
}

std::string RecordDecoder::line(const channel::Record& record) {
    return counted(fmt::format("[cpu {}] {}", record.cpu,
                               format(text(record.text.address), arguments_of(record, memory_))));
}

FailedExpectation RecordDecoder::failure(const channel::Record& record) {
    const auto arguments = arguments_of(record, memory_);
    const auto site = memory_.read<channel::Expectation>(record.text.address);
    if (!site || arguments.empty() || arguments.size() > 2) {
        throw PointsToNothing{};
    }
    const std::string relation = text(site->relation.address);
    const std::string left = text(site->left.address);
    const std::string first = show(arguments[0]);
    return {
        counted(text(site->file.address)), site->line,
        counted(site->right ? fmt::format("{} {} {}", left, relation, text(site->right.address))
                            : left),
        counted(arguments.size() == 2 ? fmt::format("{} {} {}", first, relation, show(arguments[1]))
                                      : first)};
}

void RecordDecoder::add_parameter(const channel::Record& record) {
    // A guest looks the same ones up again and again.
    if (!parameter_names_.contains(record.text.address)) {
        count(sizeof(std::uint64_t));
        all_.asked_for.insert(counted(text(record.text.address)));
        parameter_names_.insert(record.text.address);
    }
}

MeasurementEvent RecordDecoder::measurement(std::span<const std::byte> copied) {
    const auto source = value_at<channel::Measurement>(copied, 0);
    MeasurementEvent event{.name = counted(text(source.name.address)),
                           .unit = counted(text(source.unit.address)),
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
            counted(text(parameter.name.address)), parameter.value, parameter.outcome != 0});
        if (parameter.text) {
            added.value = counted(memory_.read_string(parameter.text.address).value_or("?"));
        }
    }
    if (source.proved != 0) {
        event.proof = source.proof;
        event.parameters.push_back({"violations", source.proof.violations, /*is_outcome=*/true});
    }
    count(sizeof event + event.parameters.size() * sizeof(MeasurementParameter));
    return event;
}

}  // namespace nestbed::vmm
