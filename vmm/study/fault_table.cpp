#include "vmm/study/fault_table.hpp"

#include <fmt/format.h>

#include "vmm/render/human.hpp"
#include "vmm/render/measurement_table.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/kvm_counts_table.hpp"

namespace nestbed::vmm {

namespace {

const MeasurementEvent* stores_of(const FaultResult& result) {
    return result.test.verdict == Verdict::passed ? measurement_named(result.test, "store")
                                                  : nullptr;
}

/// The median of `hit`; 0 if it was not measured.
std::uint64_t median_of_hit(const std::vector<FaultResult>& results) {
    for (const FaultResult& result : results) {
        const MeasurementEvent* stores = stores_of(result);
        if (result.rung == fault::Rung::hit && stores != nullptr) {
            return distribution_of(stores->histogram).p50;
        }
    }
    return 0;
}

std::string over_hit(const Distribution& distribution, std::uint64_t hit) {
    return hit == 0 ? ""
                    : fmt::format("{:.1f}",
                                  static_cast<double>(distribution.p50) / static_cast<double>(hit));
}

}  // namespace

std::string fault_table(const std::vector<FaultResult>& results) {
    const std::uint64_t hit = median_of_hit(results);
    std::vector<MeasurementRow> rows;
    std::vector<KvmCountsRow> counts;
    std::string rest;
    for (const FaultResult& result : results) {
        const std::string name = name_of(result.rung);
        const MeasurementEvent* stores = stores_of(result);
        if (stores == nullptr) {
            rest += without_row(name, result.test);
            continue;
        }
        const Distribution distribution = distribution_of(stores->histogram);
        rows.push_back({{name, over_hit(distribution, hit)}, distribution, result.test.tsc_khz});
        counts.push_back({{name}, &result.test.kvm_counts});
        if (const MeasurementEvent* moves = measurement_named(result.test, "move")) {
            rows.push_back(
                {{"  each move", ""}, distribution_of(moves->histogram), result.test.tsc_khz});
        }
    }
    if (rows.empty()) {
        return rest;
    }
    const Table::Column rung{"rung", Table::Align::left};
    return measurement_table({rung, {"p50 /hit"}}, "cycles", rows).text() +
           kvm_counts_table({rung}, counts, "store") + rest;
}

}  // namespace nestbed::vmm
