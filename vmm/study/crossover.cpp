// measure shootdown --crossover: from how many pages on it is cheaper to flush everything than page
// by page, the refill included.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/paging/invalidation.hpp"
#include "shared/study/shootdown_axes.hpp"
#include "vmm/base/text.hpp"
#include "vmm/result/distribution.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/crossover.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

using study::FlushPrimitive;

std::uint64_t median_of(const MeasurementEvent& measurement) {
    return distribution_of(measurement.histogram).p50;
}

std::vector<CrossoverPoint> points_of(const TestResult& test) {
    std::vector<CrossoverPoint> points;
    for (const MeasurementEvent& one : test.measurements) {
        const auto pages = number_named(one, "pages");
        const auto other = std::ranges::find_if(test.measurements, [&](const auto& measurement) {
            return measurement.name == "full flush" && number_named(measurement, "pages") == pages;
        });
        if (one.name == "by page" && pages && other != test.measurements.end()) {
            points.push_back({*pages, median_of(one), median_of(*other)});
        }
    }
    std::ranges::sort(points, {}, &CrossoverPoint::pages);
    return points;
}

std::string linux_compared(const Crossover& crossover) {
    constexpr std::uint64_t ceiling = paging::max_single_invalidations;
    if (crossover.full_from && *crossover.full_from <= ceiling) {
        return "too late for this machine";
    }
    if (crossover.by_page_until && *crossover.by_page_until > ceiling) {
        return "too early for this machine";
    }
    return "in keeping with this";
}

std::string flush_of(const StudyRun& run) {
    const std::vector<Axis>& axes = run.point.axes();
    return axes.front().show(run.point[axes.front().name]);
}

template <typename Function>
void for_each_crossover(const StudyRuns& runs, Function&& function) {
    for (const StudyRun& run : runs) {
        if (run.test.verdict == Verdict::passed) {
            function(flush_of(run), find_crossover(run.test));
        }
    }
}

std::vector<Table> tables(const StudyRuns& runs) {
    std::vector<Table> all;
    for_each_crossover(runs, [&](const std::string& flush, const Crossover& crossover) {
        Table table({{"pages"},
                     {"by page", Table::Align::right, "cycles, p50"},
                     {flush, Table::Align::right, "cycles, p50"},
                     {"by page / full"}});
        for (const CrossoverPoint& point : crossover.points) {
            const double ratio = static_cast<double>(point.by_page) /
                                 static_cast<double>(std::max<std::uint64_t>(point.full, 1));
            table.add_row({fmt::format("{}", point.pages), fmt::format("{}", point.by_page),
                           fmt::format("{}", point.full), fmt::format("{:.2f}", ratio)});
        }
        all.push_back(std::move(table));
    });
    return all;
}

void add_json(const StudyRuns& runs, nlohmann::ordered_json& report) {
    const auto pages_or_null = [](const std::optional<std::uint64_t>& pages) {
        return pages ? nlohmann::ordered_json(*pages) : nlohmann::ordered_json(nullptr);
    };
    for_each_crossover(runs, [&](const std::string& flush, const Crossover& crossover) {
        report["crossovers"].push_back(
            {{"full_flush", flush},
             {"full_flush_cheaper_from", pages_or_null(crossover.full_from)},
             {"by_page_not_dearer_until", pages_or_null(crossover.by_page_until)},
             {"linux", paging::max_single_invalidations}});
    });
}

std::vector<Axis> axes() {
    std::vector<NamedNumber> full = named<FlushPrimitive>();
    std::erase_if(full, [](const NamedNumber& flush) {
        return study::is_by_page(static_cast<FlushPrimitive>(flush.number));
    });
    std::vector<Axis> all{
        name_axis("flush", "What everything is flushed with", full,
                  {static_cast<std::uint64_t>(FlushPrimitive::cr3)}, Axis::list | Axis::shown,
                  "full flush"),
        number_axis("samples", "Flushes of each kind", 1, 10'000'000, {100}),
        flag_axis("crossover",
                  "Instead of latencies: from how many pages on a flush of everything is cheaper "
                  "than one by page, the refill included (one vCPU; with those of --flush that "
                  "flush everything, default cr3)",
                  Axis::host_only),
    };
    all.back().defaults = {};
    return with_vm_axes(std::move(all), /*compares_backings=*/false, 60);
}

}  // namespace

Crossover find_crossover(const TestResult& test) {
    Crossover result{points_of(test), {}, {}};
    for (auto point = result.points.rbegin(); point != result.points.rend(); ++point) {
        if (point->full >= point->by_page) {
            result.by_page_until = point->pages;
            break;
        }
        result.full_from = point->pages;
    }
    return result;
}

std::string crossover_sentence(const std::string& flush, const Crossover& crossover) {
    const std::string found =
        crossover.full_from
            ? fmt::format("crossover: from {} on, a full flush ({}) is cheaper than one by page",
                          counted(*crossover.full_from, "page"), flush)
            : fmt::format(
                  "no crossover: up to {}, a full flush ({}) is not cheaper than one by page",
                  counted(crossover.by_page_until.value_or(0), "page"), flush);
    return fmt::format(
        "{} (median, refill included). Linux flushes everything above {} pages, which is {}.\n",
        found, paging::max_single_invalidations, linux_compared(crossover));
}

Study crossover_study() {
    return {
        .name = "shootdown",
        .summary = "Where flushing everything becomes cheaper than page by page",
        .guest = "measure_shootdown",
        .test = "crossover",
        .selector = "crossover",
        .axes = axes(),
        .measured = {{"by page"}, {"full flush"}},
        .shows_distributions = false,
        .more_tables = tables,
        .notes =
            [](const StudyRuns& runs) {
                std::string text;
                for_each_crossover(runs, [&](const std::string& flush, const Crossover& crossover) {
                    text += crossover_sentence(flush, crossover);
                });
                return text;
            },
        .more_json = add_json,
    };
}

}  // namespace nestbed::vmm
