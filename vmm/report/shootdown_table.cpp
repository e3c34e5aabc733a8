#include "vmm/report/shootdown_table.hpp"

#include <fmt/format.h>

#include "vmm/report/human.hpp"
#include "vmm/report/measurement_table.hpp"
#include "vmm/report/text.hpp"

namespace nestbed::vmm {

namespace {

std::string without_row(const ShootdownResult& result) {
    const TestResult& test = result.test;
    const std::string reason =
        test.verdict == Verdict::passed ? "the guest sent no measurement" : printable(test.reason);
    return fmt::format("{}: {}: {}\n", test.verdict == Verdict::skipped ? "skipped" : "failed",
                       result.combination.text(), reason) +
           human_details(test, {});
}

}  // namespace

std::string ShootdownCombination::text() const {
    return fmt::format("{}, {} vCPUs, {}, target {}", name_of(protocol), cpus,
                       counted(pages, "page"), name_of(target));
}

std::string shootdown_table(const std::vector<ShootdownResult>& results) {
    std::vector<MeasurementRow> rows;
    std::string rest;
    for (const ShootdownResult& result : results) {
        const auto& [combination, test] = result;
        if (test.verdict != Verdict::passed || test.measurements.empty()) {
            rest += without_row(result);
            continue;
        }
        rows.push_back({{name_of(combination.protocol), fmt::format("{}", combination.cpus),
                         fmt::format("{}", combination.pages), name_of(combination.target)},
                        distribution_of(test.measurements.front().histogram),
                        test.tsc_khz});
    }
    if (rows.empty()) {
        return rest;
    }
    return measurement_table({{"protocol", Table::Align::left},
                              {"vCPUs"},
                              {"pages"},
                              {"target", Table::Align::left}},
                             "cycles", rows)
               .text() +
           rest;
}

}  // namespace nestbed::vmm
