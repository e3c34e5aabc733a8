// What of a run's human report is printed, and how.
#pragma once

#include <optional>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/outputs.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

struct HumanOptions {
    bool verbose = false;
    bool quiet = false;
    std::optional<bool> brief = {};  ///< diagnoses; nothing: on a terminal, where one can ask again
    ColorChoice color = ColorChoice::automatic;
};

/// `options` must live as long as `command`.
void add_human_options(CLI::App* command, HumanOptions& options);

/// Throws Error(usage) if one of them has no effect or contradicts another.
void refuse_unused(const HumanOptions& options, const ReportOptions& report);

/// Of what is printed on standard output. Files have all there is, and no colours.
HumanStyle style_of(const HumanOptions& options);

}  // namespace nestbed::vmm
