// measure walk: what translations cost a guest, beside a process of its host and a model.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/channel/abi.hpp"
#include "shared/chase/chase.hpp"
#include "vmm/host/describe.hpp"
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
    const std::uint64_t most = describe_host(nullptr).memory / 8;
    std::vector<std::uint64_t> result{mib / 4};
    for (const std::uint64_t size : {1, 4, 8, 16, 32, 64, 256, 1024}) {
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
    all.push_back(number_axis("samples", "Samples of each vCPU", 1, 100'000, {100}));
    all.push_back(number_axis("accesses", "Accesses of a sample", 1, 10'000'000, {1000}));
    all.push_back(number_axis("seed", "Of the random order", 0, ~std::uint64_t{0}, {1}));
    return all;
}

void walk_configure(const Point& point, TestSettings& settings) {
    settings.test_memory = {.bytes = point["working_set"],
                            .leaf = point.as<PageSize>("guest_leaf")};
    settings.parameters.emplace_back("pages", point["working_set"] / chase::page_bytes);
    settings.inspect = std::bind_front(inspect_walk, point);
}

/// Of the TLB entries, as the guest's leaves are called.
std::string leaf_of(const StudyRun& run, const WalkFigures& figures) {
    const Axis& leaves = *run.point.at("guest_leaf").axis;
    return leaves.show(static_cast<std::uint64_t>(figures.findings.leaf));
}

/// Nothing where the figures are not all there.
Derived figure(const char* title, const char* group, int digits,
               const std::function<std::optional<double>(const WalkFigures&)>& number) {
    return {.title = title,
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
    constexpr char translation[] = "of it, translation";
    constexpr char references[] = "references";
    return {
        {.title = "TLB entry",
         .value = [](const StudyRun& run, const StudyRuns&) -> Derived::Value {
             const auto figures = figures_of(run);
             return figures ? Derived::Value(leaf_of(run, *figures)) : std::nullopt;
         }},
        figure("guest", cycles, 1, &WalkFigures::guest),
        figure("process", cycles, 1, &WalkFigures::host),
        figure("ratio", cycles, 2, [](const WalkFigures& all) { return all.guest / all.host; }),
        figure("guest", translation, 1, &WalkFigures::guest_translation),
        figure("process", translation, 1, &WalkFigures::host_translation),
        figure("guest", references, 2, &WalkFigures::guest_references),
        figure("process", references, 2, &WalkFigures::host_references),
        figure("modelled", "", 1, &WalkFigures::modelled),
        figure("/modelled", "", 2, &WalkFigures::over_modelled),
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

Json json_of(const Point& point, std::initializer_list<const char*> axes) {
    Json result;
    for (const char* axis : axes) {
        std::visit([&](const auto& value) { result[axis] = value; }, point.at(axis).input().value);
    }
    return result;
}

/// Per access.
Json json_of(const WalkCounts& counts) {
    const auto by_level = [&](const CountsByLevel& references) {
        constexpr std::array names{"", "pt", "pd", "pdpt", "pml4", "pml5"};
        Json result = Json::object();
        for (std::size_t level = 1; level < references.size(); ++level) {
            result[names[level]] = per_access(counts, references[level]);
        }
        return result;
    };
    return {{"misses", per_access(counts, counts.misses)},
            {"guest_references", per_access(counts, counts.guest_references())},
            {"guest_references_by_level", by_level(counts.guest)},
            {"second_stage_references", per_access(counts, counts.second_stage_references())},
            {"second_stage_references_by_level", by_level(counts.second_stage)}};
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json row_of(const StudyRun& run, const WalkFigures& figures) {
    Json row = json_of(run.point, {"guest_leaf", "backing", "working_set", "pattern", "cpus"});
    row["tlb_entry"] = leaf_of(run, figures);
    row["cycles_per_access"] = {{"guest", figures.guest},
                                {"guest_packed", figures.guest_packed},
                                {"process", figures.host},
                                {"process_packed", figures.host_packed}};
    row["translation"] = figures.guest_translation ? Json{{"guest", *figures.guest_translation},
                                                          {"process", *figures.host_translation}}
                                                   : Json(nullptr);
    row["model"] = {{"guest", json_of(figures.findings.guest)},
                    {"process", json_of(figures.findings.host)}};
    row["modelled_translation"] = or_null(figures.modelled);
    row["measured_over_modelled"] = or_null(figures.over_modelled);
    return row;
}

void walk_add_json(const StudyRuns& runs, Json& report) {
    Json rows = Json::array();
    for (const StudyRun& run : runs) {
        if (const auto figures = figures_of(run)) {
            rows.push_back(row_of(run, *figures));
        }
    }
    Json misses = Json::array();
    for (const auto& [point, fit] : miss_curves(runs)) {
        misses.push_back(json_of(point, {"guest_leaf", "backing", "pattern", "cpus"}));
        misses.back().update({{"cycles_per_miss", fit.cycles_per_miss},
                              {"reach", fit.reach},
                              {"residual", fit.residual},
                              {"points", fit.points}});
    }
    report["walks"] = {{"rows", rows}, {"misses", misses}};
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
        .measured = {{measurement::chase, {}, "accesses"},
                     {measurement::packed_chase, {}, "accesses"},
                     {measurement::host_chase, {}, "accesses"},
                     {measurement::packed_host_chase, {}, "accesses"}},
        .derived = walk_columns(),
        .shows_distributions = false,
        .operation = "chase",
        .configure = walk_configure,
        .conditions = {{"--seed",
                        [](const Point& point) {
                            return point.as<Pattern>("pattern") == Pattern::random;
                        },
                        "--seed: it is for --pattern random"}},
        .more_tables = walk_fits,
        .notes = walk_notes,
        .more_json = walk_add_json,
    };
}

}  // namespace nestbed::vmm
