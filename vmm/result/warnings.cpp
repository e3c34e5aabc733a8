#include "vmm/result/warnings.hpp"

#include <fmt/format.h>

#include "vmm/base/text.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

using Kind = Warning::Kind;

void warn_of_few_samples(std::vector<Warning>& warnings, const Distribution& distribution) {
    for (const Percentile& one : percentiles) {
        // Of the 999th in a thousand everybody knows; the extremes are of any number.
        if (std::string_view(one.name) != "p999" && !borne(distribution, one)) {
            warnings.push_back({Kind::few_samples, "",
                                fmt::format("{} too few for {}",
                                            distribution.count == 1
                                                ? "1 sample is"
                                                : fmt::format("{} samples are", distribution.count),
                                            one.name)});
            return;
        }
    }
}

void warn_of_theft(std::vector<Warning>& warnings, const MeasurementEvent& measurement) {
    // Fewer do not reach the median, nor the 90th percentile.
    constexpr double least_percent = 5;
    const std::uint64_t samples = measurement.histogram.count();
    const std::uint64_t stolen = number_named(measurement, "stolen_from").value_or(0);
    if (samples == 0) {
        return;
    }
    const double percent = 100 * static_cast<double>(stolen) / static_cast<double>(samples);
    if (percent < least_percent) {
        return;
    }
    warnings.push_back(
        {Kind::stolen, fmt::format("{:.0f} % stolen", percent),
         fmt::format("the host took a core away during {:.0f} % of the samples", percent)});
}

void warn_of_shared_cores(std::vector<Warning>& warnings, const TestResult& test) {
    if (test.host_cpus != 0 && test.cpus > test.host_cpus) {
        std::string text =
            fmt::format("{} on {}", counted(test.cpus, "vCPU"), counted(test.host_cpus, "core"));
        warnings.push_back({Kind::not_side_by_side, text, text + " did not run side by side"});
    }
}

void warn_of_unsteadiness(std::vector<Warning>& warnings, const MeasurementEvent& floor) {
    // A floor is the same thing each time, and quick: half of its samples lie within a few percent.
    constexpr double unsteady = 0.5;
    const Distribution found = distribution_of(floor.histogram);
    if (!floor.is.starts_with("floor") || found.p50 == 0) {
        return;
    }
    const auto spread = static_cast<double>(found.p75 - found.p25);
    if (spread > unsteady * static_cast<double>(found.p50)) {
        warnings.push_back({Kind::disturbed, "unsteady floor",
                            fmt::format("{}: the middle half of its samples lies between {} and {} "
                                        "{}",
                                        floor.name, found.p25, found.p75, floor.unit)});
    }
}

}  // namespace

const char* name_of(Kind kind) {
    switch (kind) {
        case Kind::few_samples:
            return "few_samples";
        case Kind::stolen:
            return "stolen";
        case Kind::not_side_by_side:
            return "not_side_by_side";
        case Kind::disturbed:
            return "disturbed";
        case Kind::not_measurable:
            return "not_measurable";
    }
    return "";
}

const char* explanation_of(Kind kind) {
    switch (kind) {
        case Kind::few_samples:
            return "percentiles that so few samples cannot bear are shown as -";
        case Kind::stolen:
            return "the host ran something else during these samples; where steal time is offered, "
                   "the row below has the others";
        case Kind::not_side_by_side:
            return "more vCPUs than cores: figures contain waits for the host's scheduler";
        case Kind::disturbed:
            return "what is divided by is no steady floor: do not trust the ratio";
        case Kind::not_measurable:
            return "less than the medians are known by: shown as -";
    }
    return "";
}

std::string marks_of(const std::vector<Warning>& warnings) {
    std::string marks;
    for (const Warning& warning : warnings) {
        marks += (marks.empty() || warning.mark.empty() ? "" : ", ") + warning.mark;
    }
    return marks;
}

void find_warnings(TestResult& test) {
    for (MeasurementEvent& measurement : test.measurements) {
        std::vector<Warning>& warnings = measurement.warnings;
        warnings.clear();
        // Companions have as many as they have: what is missing of them is not missed.
        if (measurement.is.empty()) {
            warn_of_few_samples(warnings, distribution_of(measurement.histogram));
        }
        warn_of_theft(warnings, measurement);
        warn_of_shared_cores(warnings, test);
        for (const MeasurementEvent& other : test.measurements) {
            if (&other == &measurement || (!other.is.empty() && other.of == measurement.name)) {
                warn_of_unsteadiness(warnings, other);
            }
        }
    }
}

}  // namespace nestbed::vmm
