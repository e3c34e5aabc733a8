// measure walk: what translations cost a guest, beside a process of its host and a model.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/channel/abi.hpp"
#include "vmm/base/text.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/memory/huge_pages.hpp"
#include "vmm/study/study.hpp"
#include "vmm/study/walk_inspection.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;
using paging::PageSize;
using study::Pattern;

constexpr char explanation[] =
    "A chain of loads, each of a page of its own and each waiting for the one before, so that its "
    "time is the latency of TLB misses; in guest user mode, which is native on every host, and "
    "then as an ordinary process of this host, in pages as large as the TLB entries were in the "
    "guest. `translation` is what is left when the time of as many cache lines packed into few "
    "pages is taken away. `references` are the table entries that a model of the processor reads "
    "for the same tables and the same order of pages. `modelled` is what translation would take "
    "in the guest if each reference cost what it costs the process. Each combination of the lists "
    "runs in a VM of its own.";

constexpr char examples[] =
    "  nestbed measure walk\n"
    "  nestbed measure walk --backing anon,thp,hugetlb-2m --working-set 16M,256M,2G\n"
    "  nestbed measure walk --guest-leaf 4k --pattern all --cpus 1,2\n"
    "  nestbed measure walk --format json --output walk.json\n";

const std::vector<NamedNumber>& leaves() {
    static const std::vector<NamedNumber> all{
        {static_cast<std::uint64_t>(PageSize::size_4k), "4k", "4 KiB pages"},
        {static_cast<std::uint64_t>(PageSize::size_2m), "2m", "2 MiB pages"},
        {static_cast<std::uint64_t>(PageSize::size_1g), "1g", "1 GiB pages"},
    };
    return all;
}

std::string leaf_name(PageSize size) {
    return std::ranges::find(leaves(), static_cast<std::uint64_t>(size), &NamedNumber::number)
        ->name;
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
std::vector<Axis> axes() {
    constexpr unsigned shown = Axis::list | Axis::shown;
    std::vector<Axis> all =
        with_vm_axes({cpus_axis("vCPUs that chase side by side", 1, channel::max_cpus, {1},
                                Axis::shown | Axis::host_only),
                      name_axis<Pattern>("pattern", "Order of the pages", {Pattern::random}, shown),
                      name_axis("guest_leaf", "Pages that the guest maps its working set with",
                                leaves(), {}, shown | Axis::host_only)},
                     /*compares_backings=*/true, 60);
    Axis& backing = *std::ranges::find(all, "backing", &Axis::name);
    backing.traits |= Axis::shown;
    backing.find_defaults = default_backings;
    backing.defaults_help = "anon and, where the host has them, thp";
    all.push_back(size_axis("working_set",
                            "Sizes, of which each 4 KiB page has one line that is read",
                            chase::page_bytes, std::uint64_t{64} << 30, chase::page_bytes, {0},
                            shown | Axis::host_only));
    all.back().find_defaults = default_working_sets;
    all.back().defaults_help = "256K to 1G, as far as it is an eighth of this host's memory";
    all.push_back(number_axis("samples", "Samples of each vCPU", 1, 100'000, {100}));
    all.push_back(number_axis("accesses", "Accesses of a sample", 1, 10'000'000, {1000}));
    all.push_back(number_axis("seed", "Of the random order", 0, ~std::uint64_t{0}, {1}));
    return all;
}

WalkCombination combination_at(const Point& point) {
    return {point.as<PageSize>("guest_leaf"), point.as<Backing>("backing"), point["working_set"],
            point.as<Pattern>("pattern"), static_cast<std::uint32_t>(point["cpus"])};
}

void configure(const Point& point, TestSettings& settings) {
    const WalkCombination at = combination_at(point);
    settings.test_memory = {.bytes = at.working_set, .leaf = at.guest_leaf};
    settings.parameters.emplace_back("pages", at.pages());
    const WalkSampling sampling{point["samples"], point["accesses"], point["seed"],
                                settings.placement};
    settings.inspect = [=](const Machine& machine, TestResult& result,
                           const std::stop_token& stop) {
        if (result.verdict == Verdict::passed) {
            result.findings = inspect_walk(machine, result, at, sampling, walk_host(), stop);
        }
    };
}

WalkResult result_of(const StudyRun& run) {
    const auto* findings = std::any_cast<WalkFindings>(&run.test.findings);
    return {combination_at(run.point), run.test,
            findings == nullptr ? std::nullopt : std::optional(*findings)};
}

std::vector<WalkResult> results_of(const StudyRuns& runs) {
    std::vector<WalkResult> results;
    std::ranges::transform(runs, std::back_inserter(results), result_of);
    return results;
}

/// A number made of a row's figures; nothing where they are not all there.
template <typename Function>
Derived figure(const char* title, const char* group, int digits, Function&& number) {
    return {.title = title,
            .value = [number](const StudyRun& run, const StudyRuns&) -> Derived::Value {
                const WalkResult result = result_of(run);
                const auto figures = figures_of(result);
                if (!figures || !result.findings) {
                    return {};
                }
                const std::optional<double> found = number(result, *figures);
                return found ? Derived::Value(*found) : Derived::Value();
            },
            .digits = digits,
            .group = group};
}

/// The same, of what a chase in another order than at random does not tell.
template <typename Function>
Derived translation(const char* title, Function&& number) {
    return figure(title, "of it, translation", 1,
                  [number](const WalkResult& result, const WalkFigures& figures) {
                      return tells_translation(result.combination) ? std::optional(number(figures))
                                                                   : std::nullopt;
                  });
}

std::optional<double> over_modelled(const WalkResult& result, const WalkFigures& figures) {
    const auto modelled = modelled_translation(result, figures);
    return modelled ? std::optional(figures.guest_translation() / *modelled) : std::nullopt;
}

std::vector<Derived> columns() {
    using R = const WalkResult&;
    using F = const WalkFigures&;
    constexpr char cycles[] = "cycles per access";
    constexpr char references[] = "references";
    return {
        {.title = "TLB entry",
         .value = [](const StudyRun& run, const StudyRuns&) -> Derived::Value {
             const WalkResult result = result_of(run);
             return result.findings ? Derived::Value(leaf_name(result.findings->leaf))
                                    : Derived::Value();
         },
         .is_text = true},
        figure("guest", cycles, 1, [](R, F figures) { return std::optional(figures.guest); }),
        figure("process", cycles, 1, [](R, F figures) { return std::optional(figures.host); }),
        figure("ratio", cycles, 2,
               [](R, F figures) { return std::optional(figures.guest / figures.host); }),
        translation("guest", [](F figures) { return figures.guest_translation(); }),
        translation("process", [](F figures) { return figures.host_translation(); }),
        figure("guest", references, 2,
               [](R result, F) { return std::optional(result.findings->guest.references()); }),
        figure("process", references, 2,
               [](R result, F) { return std::optional(result.findings->host.references()); }),
        figure("modelled", "", 1, modelled_translation),
        figure("/modelled", "", 2, over_modelled),
    };
}

std::vector<Table> fits(const StudyRuns& runs) {
    Table table({{"guest leaf", Table::Align::left},
                 {"backing", Table::Align::left},
                 {"vCPUs"},
                 {"cycles per miss"},
                 {"reach, TLB entries"},
                 {"residual, cycles"},
                 {"points"}});
    for (const MissCurve& curve : miss_curves(results_of(runs))) {
        table.add_row(
            {leaf_name(curve.combination.guest_leaf), study::name_of(curve.combination.backing),
             fmt::format("{}", curve.combination.cpus),
             fmt::format("{:.1f}", curve.fit.cycles_per_miss),
             fmt::format("{:.0f}", curve.fit.reach), fmt::format("{:.1f}", curve.fit.residual),
             fmt::format("{}", curve.fit.points)});
    }
    return table.empty() ? std::vector<Table>{} : std::vector{table};
}

std::string notes(const StudyRuns& runs) {
    // Farther from what the model says than this, a row is named.
    constexpr double off_by = 1.5;
    std::string text;
    for (const WalkResult& result : results_of(runs)) {
        const auto figures = figures_of(result);
        const auto ratio = figures ? over_modelled(result, *figures) : std::nullopt;
        if (ratio && (*ratio > off_by || *ratio < 1 / off_by)) {
            text += fmt::format(
                "! guest leaf {}, backing {}, working set {}: {:.2f} times what the "
                "model says\n",
                leaf_name(result.combination.guest_leaf),
                study::name_of(result.combination.backing),
                size_text(result.combination.working_set), *ratio);
        }
    }
    if (!text.empty()) {
        text += fmt::format(
            "! more than {:.1f} times from the model: see docs/measuring-walks.md\n", off_by);
    }
    const WalkHost host = walk_host();
    return text +
           fmt::format("model: {}, {}\n",
                       host.second_stage ? "two stages" : "one stage, as deep as a process's",
                       host.source);
}

Json json_of(const WalkCombination& combination) {
    return {{"guest_leaf", leaf_name(combination.guest_leaf)},
            {"backing", study::name_of(combination.backing)},
            {"working_set", combination.working_set},
            {"pattern", name_of(combination.pattern)},
            {"cpus", combination.cpus}};
}

Json json_of(const ModelledWalks& walks) {
    const auto by_level = [](const std::array<double, paging::max_levels + 1>& references) {
        constexpr std::array names{"", "pt", "pd", "pdpt", "pml4", "pml5"};
        Json result = Json::object();
        for (std::size_t level = 1; level < references.size(); ++level) {
            result[names[level]] = references[level];
        }
        return result;
    };
    return {{"misses", walks.misses},
            {"guest_references", walks.guest},
            {"guest_references_by_level", by_level(walks.guest_by_level)},
            {"second_stage_references", walks.second_stage},
            {"second_stage_references_by_level", by_level(walks.second_stage_by_level)}};
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json row_of(const WalkResult& result, const WalkFigures& figures) {
    Json row = json_of(result.combination);
    row["tlb_entry"] = leaf_name(result.findings->leaf);
    row["cycles_per_access"] = {{"guest", figures.guest},
                                {"guest_packed", figures.guest_packed},
                                {"process", figures.host},
                                {"process_packed", figures.host_packed}};
    row["translation"] = nullptr;
    if (tells_translation(result.combination)) {
        row["translation"] = {{"guest", figures.guest_translation()},
                              {"process", figures.host_translation()}};
    }
    row["model"] = {{"guest", json_of(result.findings->guest)},
                    {"process", json_of(result.findings->host)}};
    row["modelled_translation"] = or_null(modelled_translation(result, figures));
    row["measured_over_modelled"] = or_null(over_modelled(result, figures));
    return row;
}

std::string objection(const std::vector<Point>& points, const std::set<std::string>& given) {
    const bool random = std::ranges::any_of(
        points, [](const Point& point) { return point.as<Pattern>("pattern") == Pattern::random; });
    return given.contains("--seed") && !random ? "--seed: it is for --pattern random" : "";
}

void add_json(const StudyRuns& runs, Json& report) {
    const std::vector<WalkResult> results = results_of(runs);
    Json rows = Json::array();
    for (const WalkResult& result : results) {
        const auto figures = figures_of(result);
        if (figures && result.findings) {
            rows.push_back(row_of(result, *figures));
        }
    }
    Json misses = Json::array();
    for (const MissCurve& curve : miss_curves(results)) {
        Json fit = json_of(curve.combination);
        fit.erase("working_set");
        fit.update({{"cycles_per_miss", curve.fit.cycles_per_miss},
                    {"reach", curve.fit.reach},
                    {"residual", curve.fit.residual},
                    {"points", curve.fit.points}});
        misses.push_back(fit);
    }
    report["walks"] = {{"rows", rows}, {"misses", misses}};
}

}  // namespace

Study walk_study() {
    return {
        .name = "walk",
        .summary = "The cost of TLB misses, by page sizes and working set, beside a model",
        .explanation = explanation,
        .examples = examples,
        .guest = "measure_walk",
        .test = "chase",
        .axes = axes(),
        .measured = {{measurement::chase, {}, "accesses"},
                     {measurement::packed_chase, {}, "accesses"},
                     {measurement::host_chase, {}, "accesses"},
                     {measurement::packed_host_chase, {}, "accesses"}},
        .derived = columns(),
        .shows_distributions = false,
        .operation = "chase",
        .configure = configure,
        .objection = objection,
        .more_tables = fits,
        .notes = notes,
        .more_json = add_json,
    };
}

}  // namespace nestbed::vmm
