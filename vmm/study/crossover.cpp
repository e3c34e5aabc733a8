// measure shootdown --crossover: from how many pages on it is cheaper to flush everything than page
// by page, the refill included.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "shared/paging/invalidation.hpp"
#include "shared/study/shootdown_axes.hpp"
#include "vmm/base/text.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

namespace {

using study::FlushPrimitive;
using Json = nlohmann::ordered_json;

/// Medians, in cycles.
struct Costs {
    std::optional<std::uint64_t> by_page;
    std::optional<std::uint64_t> full;
};

struct Crossover {
    std::string flush;  ///< what everything is flushed with
    std::uint64_t tsc_khz = 0;
    std::map<std::uint64_t, Costs> by_pages;  ///< both of them
    /// The smallest measured page count at which a full flush has the lower median, and has it at
    /// all larger ones as well.
    std::optional<std::uint64_t> full_from;
    /// The measured page count below that: there, page by page is not dearer.
    std::optional<std::uint64_t> by_page_until;
};

/// Of each run that passed, from its measurements "by page" and "full flush", each with its
/// parameter `pages`. What has no counterpart is left out.
std::vector<Crossover> crossovers_of(const StudyRuns& runs) {
    std::vector<Crossover> all;
    for (const StudyRun& run : runs) {
        if (run.test.verdict != Verdict::passed) {
            continue;
        }
        Crossover& found = all.emplace_back();
        found.flush = run.point.at("flush").text();
        found.tsc_khz = run.test.tsc_khz;
        for (const MeasurementEvent& one : run.test.measurements) {
            if (const auto pages = number_named(one, "pages")) {
                Costs& costs = found.by_pages[*pages];
                const std::uint64_t median = one.histogram.quantile(50, 100);
                if (one.name == "by page") {
                    costs.by_page = median;
                } else if (one.name == "full flush") {
                    costs.full = median;
                }
            }
        }
        std::erase_if(found.by_pages,
                      [](const auto& at) { return !at.second.by_page || !at.second.full; });
        for (const auto& [pages, costs] : found.by_pages) {
            if (*costs.full >= *costs.by_page) {
                found.by_page_until = pages;
                found.full_from.reset();
            } else if (!found.full_from) {
                found.full_from = pages;
            }
        }
    }
    return all;
}

std::vector<Table> crossover_tables(const StudyRuns& runs) {
    std::vector<Table> all;
    for (const Crossover& crossover : crossovers_of(runs)) {
        Table table({{"pages"},
                     {"by page", Table::Align::right, "cycles, p50"},
                     {crossover.flush, Table::Align::right, "cycles, p50"},
                     {"by page", Table::Align::right, "time, p50"},
                     {crossover.flush, Table::Align::right, "time, p50"},
                     {"by page / full"}});
        const auto time = [&](std::uint64_t cycles) {
            return crossover.tsc_khz == 0
                       ? ""
                       : duration(seconds(static_cast<double>(cycles), crossover.tsc_khz));
        };
        for (const auto& [pages, costs] : crossover.by_pages) {
            const double ratio = static_cast<double>(*costs.by_page) /
                                 static_cast<double>(std::max<std::uint64_t>(*costs.full, 1));
            table.add_row({fmt::format("{}", pages), fmt::format("{}", *costs.by_page),
                           fmt::format("{}", *costs.full), time(*costs.by_page), time(*costs.full),
                           fmt::format("{:.2f}", ratio)});
        }
        all.push_back(table.without_empty_columns());
    }
    return all;
}

const char* linux_compared(const Crossover& crossover) {
    constexpr std::uint64_t ceiling = paging::max_single_invalidations;
    return crossover.full_from.value_or(ceiling + 1) <= ceiling ? "too late for this machine"
           : crossover.by_page_until.value_or(0) > ceiling      ? "too early for this machine"
                                                                : "in keeping with this";
}

/// Compared with Linux's threshold.
std::string crossover_sentences(const StudyRuns& runs) {
    std::string text;
    for (const Crossover& crossover : crossovers_of(runs)) {
        const std::string full = fmt::format("a full flush ({})", crossover.flush);
        text += crossover.full_from
                    ? fmt::format("crossover: from {} on, {} is cheaper than one by page",
                                  counted(*crossover.full_from, "page"), full)
                    : fmt::format("no crossover: up to {}, {} is not cheaper than one by page",
                                  counted(crossover.by_page_until.value_or(0), "page"), full);
        text += fmt::format(
            " (median, refill included). Linux flushes everything above {} pages, which is {}.\n",
            paging::max_single_invalidations, linux_compared(crossover));
    }
    return text;
}

void crossover_add_json(const StudyRuns& runs, Json& report) {
    const auto or_null = [](const std::optional<std::uint64_t>& pages) {
        return pages ? Json(*pages) : Json(nullptr);
    };
    for (const Crossover& crossover : crossovers_of(runs)) {
        report["crossovers"].push_back(
            {{"full_flush", crossover.flush},
             {"full_flush_cheaper_from", or_null(crossover.full_from)},
             {"by_page_not_dearer_until", or_null(crossover.by_page_until)},
             {"linux", paging::max_single_invalidations}});
    }
}

std::vector<Axis> crossover_axes() {
    std::vector<NamedNumber> full = named<FlushPrimitive>();
    std::erase_if(full, [](const NamedNumber& flush) {
        return study::is_by_page(static_cast<FlushPrimitive>(flush.number));
    });
    std::vector<Axis> all{
        name_axis("flush", "What everything is flushed with", full,
                  {static_cast<std::uint64_t>(FlushPrimitive::cr3)}, Axis::shown),
        number_axis("samples", "Flushes of each kind", 1, 10'000'000, {100}, Axis::effort),
        flag_axis("crossover",
                  "Instead of latencies: from how many pages on a flush of everything is cheaper "
                  "than one by page, the refill included (one vCPU; with those of --flush that "
                  "flush everything, default cr3)",
                  Axis::host_only),
    };
    all.front().title = "full flush";
    all.back().defaults = {};
    return with_vm_axes(std::move(all));
}

}  // namespace

Study crossover_study() {
    return {
        .name = "shootdown",
        .summary = "Where flushing everything becomes cheaper than page by page",
        .guest = "measure_shootdown",
        .test = "crossover",
        .selector = "crossover",
        .axes = crossover_axes(),
        .measured = {{"by page"}, {"full flush"}},
        .shows_distributions = false,
        .more_tables = crossover_tables,
        .notes = crossover_sentences,
        .more_json = crossover_add_json,
    };
}

}  // namespace nestbed::vmm
