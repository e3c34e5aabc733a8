#include "vmm/study/kvm_counts_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

namespace nestbed::vmm {

namespace {

/// As KVM names them (arch/x86/kvm/x86.c, virt/kvm/kvm_main.c), in the order of a shootdown: exits
/// and their kinds, interrupts, emulation, invalidations, page faults after them.
constexpr std::array shown_counters{
    "exits",
    "io_exits",
    "mmio_exits",
    "irq_exits",
    "halt_exits",
    "hypercalls",
    "irq_injections",
    "nmi_injections",
    "insn_emulation",
    "invlpg",
    "tlb_flush",
    "remote_tlb_flush",
    "mmu_pte_write",
    "pf_taken",
    "pf_fixed",
    "pf_emulate",
    "preemption_reported",
    "preemption_other",
};

double count_of(const KvmCounts& counts, std::string_view name) {
    const auto found = std::ranges::find(counts.counts, name, &KvmCount::name);
    return found == counts.counts.end() ? 0 : found->per_operation;
}

/// Whether its first digits behind the point show anything.
bool shows(double count) { return std::abs(count) >= 0.005; }

}  // namespace

std::string kvm_counts_table(std::vector<Table::Column> leading,
                             const std::vector<KvmCountsRow>& rows, const std::string& operation) {
    std::vector<Table::Column> columns = std::move(leading);
    std::vector<std::string_view> names;
    for (const char* name : shown_counters) {
        if (std::ranges::any_of(
                rows, [&](const auto& row) { return shows(count_of(*row.counts, name)); })) {
            names.emplace_back(name);
            columns.push_back({name, Table::Align::right, "KVM's counts per " + operation});
        }
    }
    if (names.empty()) {
        const std::string& problem = rows.front().counts->problem;
        return problem.empty() ? "" : fmt::format("\nno counts of KVM's: {}\n", problem);
    }
    Table table(std::move(columns));
    for (const KvmCountsRow& row : rows) {
        std::vector<std::string> cells = row.leading;
        for (const std::string_view name : names) {
            cells.push_back(fmt::format("{:.2f}", count_of(*row.counts, name)));
        }
        table.add_row(std::move(cells));
    }
    return "\n" + table.text();
}

}  // namespace nestbed::vmm
