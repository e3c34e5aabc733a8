// measure walk: what translations cost a guest, beside a process of its host and a model.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/channel/abi.hpp"
#include "shared/chase/chase.hpp"
#include "vmm/base/host_memory.hpp"
#include "vmm/memory/huge_pages.hpp"
#include "vmm/model/translation_caches.hpp"
#include "vmm/study/walk.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;
using paging::PageSize;
using study::Pattern;

constexpr char walk_explanation[] =
    "A chain of loads, each of a page of its own and each waiting for the one before, so that its "
    "time is the latency of TLB misses; in guest user mode, which is native on every host, and "
    "then as an ordinary process of this host, in pages as large as the TLB entries were in the "
    "guest. `translation` is what is left when the time of as many cache lines packed into few "
    "pages is taken away. `references` are the table entries that a model of the processor reads "
    "for the same tables and the same order of pages. `modelled` is what translation would take "
    "in the guest if each reference cost what it costs the process. Each combination of the lists "
    "runs in a VM of its own.";

constexpr char walk_examples[] =
    "  nestbed measure walk\n"
    "  nestbed measure walk --backing anon,thp,hugetlb-2m --working-set 16M,256M,2G\n"
    "  nestbed measure walk --guest-leaf 4k --pattern all --cpus 1,2\n"
    "  nestbed measure walk --format json --output walk.json\n";

std::vector<NamedNumber> leaves() {
    return {{static_cast<std::uint64_t>(PageSize::size_4k), "4k", "4 KiB pages"},
            {static_cast<std::uint64_t>(PageSize::size_2m), "2m", "2 MiB pages"},
            {static_cast<std::uint64_t>(PageSize::size_1g), "1g", "1 GiB pages"}};
}

/// What there is without any preparation.
std::vector<std::uint64_t> default_backings() {
    constexpr auto anon = static_cast<std::uint64_t>(Backing::anon);
    constexpr auto thp = static_cast<std::uint64_t>(Backing::thp);
    return transparent_huge_page_lack() ? std::vector<std::uint64_t>{anon}
                                        : std::vector<std::uint64_t>{anon, thp};
}

/// From what a first-level TLB holds to gigabytes, as far as they are a small part of the host's
/// memory: each is there up to three times.
std::vector<std::uint64_t> default_working_sets() {
    constexpr std::uint64_t mib = 1 << 20;
    const std::uint64_t most = host_memory().value_or(0) / 8;
    std::vector<std::uint64_t> result{mib / 4};
    for (const unsigned size : {1U, 4U, 8U, 16U, 32U, 64U, 256U, 1024U}) {
        if (size * mib <= most) {
            result.push_back(size * mib);
        }
    }
    return result;
}

/// The working set, the last axis that has a row for each value, changes fastest, so that a curve
/// stands together.
std::vector<Axis> walk_axes() {
    std::vector<Axis> all = with_vm_axes(
        {cpus_axis("vCPUs that chase side by side", 1, channel::max_cpus, {1},
                   Axis::shown | Axis::host_only),
         name_axis<Pattern>("pattern", "Order of the pages", {Pattern::random}, Axis::shown),
         name_axis("guest_leaf", "Pages that the guest maps its working set with", leaves(), {},
                   Axis::shown | Axis::host_only)});
    Axis& backing = *std::ranges::find(all, "backing", &Axis::name);
    backing.traits |= Axis::shown;
    backing.find_defaults = default_backings;
    backing.defaults_help = "anon and, where the host has them, thp";
    all.push_back(size_axis("working_set",
                            "Sizes, of which each 4 KiB page has one line that is read",
                            chase::page_bytes, std::uint64_t{64} << 30, chase::page_bytes, {0},
                            Axis::shown | Axis::host_only));
    all.back().find_defaults = default_working_sets;
    all.back().defaults_help = "256K to 1G, as far as it is an eighth of this host's memory";
    all.push_back(number_axis("samples", "Samples of each vCPU", 1, 100'000, {100}, Axis::effort));
    all.push_back(number_axis("accesses", "Accesses of a sample", 1, 10'000'000, {1000}));
    all.push_back(
        number_axis("seed", "Of the random order", 0, ~std::uint64_t{0}, {1}, Axis::effort));
    return all;
}

void walk_configure(const Point& point, TestSettings& settings) {
    settings.test_memory = {.bytes = point["working_set"],
                            .leaf = point.as<PageSize>("guest_leaf")};
    settings.parameters.emplace_back("pages", point["working_set"] / chase::page_bytes);
    settings.inspect = std::bind_front(inspect_walk, point, has_second_stage());
    settings.memory_of_inspection = point["working_set"];
}

/// Of the TLB entries, as the guest's leaves are called.
std::string leaf_of(const StudyRun& run, const WalkFigures& figures) {
    const Axis& leaves = *run.point.at("guest_leaf").axis;
    return leaves.show(static_cast<std::uint64_t>(figures.findings.leaf));
}

/// Nothing where the figures are not all there.
Derived figure(const char* name, const char* title, const char* group, int digits,
               const std::function<std::optional<double>(const WalkFigures&)>& number) {
    return {.name = name,
            .title = title,
            .value =
                [number](const StudyRun& run, const StudyRuns&) {
                    const auto figures = figures_of(run);
                    return figures ? number(*figures) : std::nullopt;
                },
            .digits = digits,
            .group = group};
}

std::vector<Derived> walk_columns() {
    constexpr char cycles[] = "cycles per access";
    constexpr char time[] = "time per access";
    constexpr char translation[] = "of it, translation";
    constexpr char references[] = "references";
    return {
        {.name = "tlb_entry",
         .title = "TLB entry",
         .value = [](const StudyRun& run, const StudyRuns&) -> Derived::Value {
             const auto figures = figures_of(run);
             return figures ? Derived::Value(leaf_of(run, *figures)) : std::nullopt;
         }},
        figure("guest", "guest", cycles, 1, &WalkFigures::guest),
        figure("process", "process", cycles, 1, &WalkFigures::host),
        figure("over_process", "ratio", cycles, 2,
               [](const WalkFigures& all) { return all.guest / all.host; }),
        as_time(figure("", "guest", "", 1, &WalkFigures::guest), time),
        as_time(figure("", "process", "", 1, &WalkFigures::host), time),
        figure("guest_translation", "guest", translation, 1,
               [](const WalkFigures& all) {
                   return all.guest_translation ? measurable_difference(all.guest, all.guest_packed)
                                                : std::nullopt;
               }),
        figure("process_translation", "process", translation, 1,
               [](const WalkFigures& all) {
                   return all.host_translation ? measurable_difference(all.host, all.host_packed)
                                               : std::nullopt;
               }),
        figure("guest_references", "guest", references, 2, &WalkFigures::guest_references),
        figure("process_references", "process", references, 2, &WalkFigures::host_references),
        figure("modelled_translation", "modelled", "", 1, &WalkFigures::modelled),
        figure("over_modelled", "/modelled", "", 2, &WalkFigures::over_modelled),
    };
}

std::vector<Table> walk_fits(const StudyRuns& runs) {
    Table table({{"guest leaf", Table::Align::left},
                 {"backing", Table::Align::left},
                 {"vCPUs"},
                 {"cycles per miss"},
                 {"reach, TLB entries"},
                 {"residual, cycles"},
                 {"points"}});
    for (const auto& [point, fit] : miss_curves(runs)) {
        table.add_row({point.at("guest_leaf").text(), point.at("backing").text(),
                       point.at("cpus").text(), fmt::format("{:.1f}", fit.cycles_per_miss),
                       fmt::format("{:.0f}", fit.reach), fmt::format("{:.1f}", fit.residual),
                       fmt::format("{}", fit.points)});
    }
    return {table};
}

std::string walk_notes(const StudyRuns& runs) {
    // Farther from what the model says than this, a row is named.
    constexpr double off_by = 1.5;
    std::string text;
    for (const StudyRun& run : runs) {
        const auto figures = figures_of(run);
        const auto ratio = figures ? figures->over_modelled : std::nullopt;
        if (ratio && (*ratio > off_by || *ratio < 1 / off_by)) {
            text +=
                fmt::format("! {}: {:.2f} times what the model says\n", run.point.text(), *ratio);
        }
    }
    if (!text.empty()) {
        text += fmt::format(
            "! more than {:.1f} times from the model: see docs/measuring-walks.md\n", off_by);
    }
    return text +
           fmt::format("model: {}, {}\n",
                       has_second_stage() ? "two stages" : "one stage, as deep as a process's",
                       caches_of_this_host().source);
}

void warn_of_difference(TestResult& test, const char* chase, double median, double baseline) {
    const auto found = std::ranges::find(test.measurements, chase, &MeasurementEvent::name);
    if (!measurable_difference(median, baseline)) {
        found->warnings.push_back(
            {Warning::Kind::not_measurable, "not measurable",
             fmt::format(
                 "translation: {:.1f} cycles per access, {:.1f} of them without misses, are "
                 "too close to tell",
                 median, baseline)});
    }
}

void walk_warn(StudyRun& run) {
    const auto figures = figures_of(run);
    if (figures && figures->guest_translation) {
        warn_of_difference(run.test, measurement::chase, figures->guest, figures->guest_packed);
        warn_of_difference(run.test, measurement::host_chase, figures->host, figures->host_packed);
    }
}

Json json_of(const Point& point, std::initializer_list<const char*> axes) {
    Json result;
    for (const char* axis : axes) {
        std::visit([&](const auto& value) { result[axis] = value; }, point.at(axis).input().value);
    }
    return result;
}

void walk_add_json(const StudyRuns& runs, Json& report) {
    Json& fits = report["fits"] = Json::array();
    for (const auto& [point, fit] : miss_curves(runs)) {
        fits.push_back({{"inputs", json_of(point, {"guest_leaf", "backing", "pattern", "cpus"})},
                        {"cycles_per_miss", fit.cycles_per_miss},
                        {"reach", fit.reach},
                        {"residual", fit.residual},
                        {"points", fit.points}});
    }
}

}  // namespace

Study walk_study() {
    return {
        .name = "walk",
        .summary = "The cost of TLB misses, by page sizes and working set, beside a model",
        .explanation = walk_explanation,
        .examples = walk_examples,
        .guest = "measure_walk",
        .test = "chase",
        .axes = walk_axes(),
        .measured = {{.name = measurement::chase, .per = "accesses"},
                     {.name = measurement::packed_chase, .per = "accesses", .is = "baseline"},
                     {.name = measurement::host_chase,
                      .per = "accesses",
                      .is = "in a process of the host"},
                     {.name = measurement::packed_host_chase,
                      .per = "accesses",
                      .is = "baseline",
                      .of = measurement::host_chase}},
        .derived = walk_columns(),
        .shows_distributions = false,
        .operation = "chase",
        .configure = walk_configure,
        .conditions = {{"--seed",
                        [](const Point& point) {
                            return point.as<Pattern>("pattern") == Pattern::random;
                        },
                        "--seed: it is for --pattern random"}},
        .warn = walk_warn,
        .more_tables = walk_fits,
        .notes = walk_notes,
        .more_json = walk_add_json,
    };
}

}  // namespace nestbed::vmm
