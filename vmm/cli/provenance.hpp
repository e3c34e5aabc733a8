// The provenance of a report, from its beginning to its end: the one place for all commands.
#pragma once

#include <CLI/CLI.hpp>

#include "vmm/host/provenance.hpp"

namespace nestbed::vmm {

/// `--anonymous`. `anonymous` must live as long as `command`.
void add_anonymous_option(CLI::App* command, bool& anonymous);

/// Of now, and of this program.
Provenance begin_provenance(bool anonymous);

/// How busy the host was meanwhile.
void end_provenance(Provenance& provenance);

}  // namespace nestbed::vmm
