#include "vmm/diagnose/diagnosis.hpp"

#include <fmt/format.h>

namespace nestbed::vmm {

Diagnosis diagnose(const Machine& machine, const Guest&, const Outcome& outcome,
                   const std::vector<std::string>&) {
    const auto r = machine.vcpu(outcome.cpu).registers();
    auto report = machine.memory().read<channel::PanicReport>(machine.shared_pages().panic_reports[outcome.cpu]);
    return {fmt::format("ending {} {}", static_cast<int>(outcome.ending), outcome.detail), fmt::format("rip {:#x} rsp {:#x} panic vector {} err {:#x} cr2 {:#x} rip {:#x}", r.rip, r.rsp, report->trap.vector, report->trap.error_code, report->cr2, report->trap.rip)};
}

}  // namespace nestbed::vmm
