#include "vmm/study/crossover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "shared/shootdown/flush_primitive.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/measurement_table.hpp"
#include "vmm/render/table.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::string_view by_page_name = "by page";
constexpr std::string_view full_name = "full flush";

const MeasurementEvent* full_flush_of(const TestResult& test, std::uint64_t pages) {
    const auto found = std::ranges::find_if(test.measurements, [&](const auto& measurement) {
        return measurement.name == full_name && number_named(measurement, "pages") == pages;
    });
    return found == test.measurements.end() ? nullptr : &*found;
}

std::vector<CrossoverPoint> points_of(const TestResult& test) {
    std::vector<CrossoverPoint> points;
    for (const MeasurementEvent& measurement : test.measurements) {
        const auto pages = number_named(measurement, "pages");
        if (measurement.name != by_page_name || !pages) {
            continue;
        }
        if (const MeasurementEvent* full = full_flush_of(test, *pages)) {
            points.push_back(
                {*pages, distribution_of(measurement.histogram), distribution_of(full->histogram)});
        }
    }
    std::ranges::sort(points, {}, &CrossoverPoint::pages);
    return points;
}

std::string full_flush_name(const TestResult& test) {
    const MeasurementEvent* full = measurement_named(test, full_name);
    return full == nullptr ? "" : parameter_text(*full, "flush");
}

std::string linux_compared(const Crossover& crossover) {
    constexpr std::uint64_t ceiling = shootdown::linux_flush_ceiling;
    if (crossover.full_from && *crossover.full_from <= ceiling) {
        return "too late for this machine";
    }
    if (crossover.by_page_until && *crossover.by_page_until > ceiling) {
        return "too early for this machine";
    }
    return "in keeping with this";
}

std::string cell(std::uint64_t cycles) { return fmt::format("{}", cycles); }

Table table_of(const Crossover& crossover) {
    Table table({{"pages"},
                 {"by page", Table::Align::right, "cycles, p50"},
                 {"full flush", Table::Align::right, "cycles, p50"},
                 {"by page / full"}});
    for (const CrossoverPoint& point : crossover.points) {
        const double ratio = static_cast<double>(point.by_page.p50) /
                             static_cast<double>(std::max<std::uint64_t>(point.full.p50, 1));
        table.add_row({cell(point.pages), cell(point.by_page.p50), cell(point.full.p50),
                       fmt::format("{:.2f}", ratio)});
    }
    return table;
}

}  // namespace

Crossover find_crossover(const TestResult& test) {
    Crossover result{full_flush_name(test), points_of(test), {}, {}};
    for (auto point = result.points.rbegin(); point != result.points.rend(); ++point) {
        if (!point->full_is_cheaper()) {
            result.by_page_until = point->pages;
            break;
        }
        result.full_from = point->pages;
    }
    return result;
}

std::string crossover_sentence(const Crossover& crossover) {
    const std::string found =
        crossover.full_from
            ? fmt::format("crossover: from {} on, a full flush ({}) is cheaper than one by page",
                          counted(*crossover.full_from, "page"), crossover.full_flush)
            : fmt::format(
                  "no crossover: up to {}, a full flush ({}) is not cheaper than one by page",
                  counted(crossover.by_page_until.value_or(0), "page"), crossover.full_flush);
    return fmt::format(
        "{} (median, refill included). Linux flushes everything above {} pages, which is {}.\n",
        found, shootdown::linux_flush_ceiling, linux_compared(crossover));
}

std::string crossovers_json(const std::vector<TestResult>& tests) {
    using Json = nlohmann::ordered_json;
    const auto pages_or_null = [](const std::optional<std::uint64_t>& pages) {
        return pages ? Json(*pages) : Json(nullptr);
    };
    Json result = Json::array();
    for (const TestResult& test : tests) {
        if (test.verdict == Verdict::passed) {
            const Crossover crossover = find_crossover(test);
            result.push_back({{"full_flush", crossover.full_flush},
                              {"full_flush_cheaper_from", pages_or_null(crossover.full_from)},
                              {"by_page_not_dearer_until", pages_or_null(crossover.by_page_until)},
                              {"linux", shootdown::linux_flush_ceiling}});
        }
    }
    return result.dump();
}

std::string crossover_text(const TestResult& test) {
    if (test.verdict != Verdict::passed) {
        return fmt::format("{}: {}\n", verdict_name(test.verdict), printable(test.reason)) +
               human_details(test, {});
    }
    const Crossover crossover = find_crossover(test);
    if (crossover.points.empty()) {
        return "failed: the guest sent no pair of measurements\n";
    }
    return table_of(crossover).text() + "\n" + crossover_sentence(crossover);
}

}  // namespace nestbed::vmm
