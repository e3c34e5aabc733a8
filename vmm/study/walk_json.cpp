#include "vmm/study/walk_json.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const WalkCombination& combination) {
    return {{"guest_leaf", leaf_name(combination.guest_leaf)},
            {"backing", backing_name(combination.backing)},
            {"working_set", combination.working_set},
            {"pattern", name_of(combination.pattern)},
            {"cpus", combination.cpus}};
}

Json by_level(const std::array<double, paging::max_levels + 1>& references) {
    constexpr std::array names{"", "pt", "pd", "pdpt", "pml4", "pml5"};
    Json result = Json::object();
    for (std::size_t level = 1; level < references.size(); ++level) {
        result[names[level]] = references[level];
    }
    return result;
}

Json json_of(const ModelledWalks& walks) {
    return {{"misses", walks.misses},
            {"guest_references", walks.guest},
            {"guest_references_by_level", by_level(walks.guest_by_level)},
            {"second_stage_references", walks.second_stage},
            {"second_stage_references_by_level", by_level(walks.second_stage_by_level)}};
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json row_of(const WalkResult& result, const WalkFigures& figures, const WalkFindings& findings) {
    Json row = json_of(result.combination);
    row["tlb_entry"] = leaf_name(findings.leaf);
    row["cycles_per_access"] = {{"guest", figures.guest},
                                {"guest_packed", figures.guest_packed},
                                {"process", figures.host},
                                {"process_packed", figures.host_packed}};
    row["translation"] = nullptr;
    if (tells_translation(result.combination)) {
        row["translation"] = {{"guest", figures.guest_translation()},
                              {"process", figures.host_translation()}};
    }
    row["model"] = {{"guest", json_of(findings.guest)}, {"process", json_of(findings.host)}};
    const auto modelled = modelled_translation(result, figures);
    row["modelled_translation"] = or_null(modelled);
    row["measured_over_modelled"] =
        modelled ? Json(figures.guest_translation() / *modelled) : Json(nullptr);
    return row;
}

Json json_of(const MissCurve& curve) {
    Json result = json_of(curve.combination);
    result.erase("working_set");
    result["cycles_per_miss"] = curve.fit.cycles_per_miss;
    result["reach"] = curve.fit.reach;
    result["residual"] = curve.fit.residual;
    result["points"] = curve.fit.points;
    return result;
}

}  // namespace

Json json_of(const std::vector<WalkResult>& results) {
    Json rows = Json::array();
    for (const WalkResult& result : results) {
        const auto figures = figures_of(result);
        if (figures && result.findings) {
            rows.push_back(row_of(result, *figures, *result.findings));
        }
    }
    Json misses = Json::array();
    for (const MissCurve& curve : miss_curves(results)) {
        misses.push_back(json_of(curve));
    }
    return {{"rows", rows}, {"misses", misses}};
}

}  // namespace nestbed::vmm
