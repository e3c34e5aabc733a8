// What VMs, and the processes that they run in, are kept to: options of `run` and `measure`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

#include "vmm/result/run_report.hpp"
#include "vmm/run/test_settings.hpp"

namespace nestbed::vmm {

struct ConfinementOptions {
    Sandbox sandbox = Sandbox::on;
    std::optional<std::uint64_t> memory_limit;  ///< nothing: by what the host has free

    /// Looks at the host.
    Confinement resolved() const;
};

/// `options` must live as long as `command`.
void add_confinement_options(CLI::App* command, ConfinementOptions& options);

/// Into every report.
void tell_sandbox(Sandbox sandbox, RunReport& report);

}  // namespace nestbed::vmm
