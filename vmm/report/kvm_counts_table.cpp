#include "vmm/report/kvm_counts_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace nestbed::vmm {

namespace {

/// As KVM names them (arch/x86/kvm/x86.c, virt/kvm/kvm_main.c), in the order of a shootdown: exits
/// and their kinds, interrupts, emulation, invalidations, page faults after them.
constexpr std::array shown_counters{
    "exits",          "irq_exits",        "halt_exits",          "hypercalls",
    "irq_injections", "nmi_injections",   "insn_emulation",      "invlpg",
    "tlb_flush",      "remote_tlb_flush", "mmu_pte_write",       "pf_taken",
    "pf_fixed",       "pf_emulate",       "preemption_reported", "preemption_other",
};

double count_of(const ShootdownResult& result, std::string_view name) {
    const auto& counts = result.test.kvm_counts.counts;
    const auto found = std::ranges::find(counts, name, &KvmCount::name);
    return found == counts.end() ? 0 : found->per_operation;
}

/// Whether its first digits behind the point show anything.
bool shows(double count) { return std::abs(count) >= 0.005; }

}  // namespace

std::string kvm_counts_table(const std::vector<const ShootdownResult*>& results,
                             const CombinationColumns& axes) {
    std::vector<Table::Column> columns = axes.columns();
    std::vector<std::string_view> names;
    for (const char* name : shown_counters) {
        if (std::ranges::any_of(results,
                                [&](const auto* row) { return shows(count_of(*row, name)); })) {
            names.emplace_back(name);
            columns.push_back({name, Table::Align::right, "KVM's counts per shootdown"});
        }
    }
    if (names.empty()) {
        const std::string& problem = results.front()->test.kvm_counts.problem;
        return problem.empty() ? "" : fmt::format("\nno counts of KVM's: {}\n", problem);
    }
    Table table(std::move(columns));
    for (const ShootdownResult* result : results) {
        std::vector<std::string> cells = axes.cells(result->combination);
        for (const std::string_view name : names) {
            cells.push_back(fmt::format("{:.2f}", count_of(*result, name)));
        }
        table.add_row(std::move(cells));
    }
    return "\n" + table.text();
}

}  // namespace nestbed::vmm
