// Guests' tests, each in a fresh VM, and the report of them: what `run` and `kut` do.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vmm/cli/run_options.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

/// `read_guests` may throw: that is the report's error then.
ExitCode run_guests(const RunOptions& options, const std::vector<std::string>& command_line,
                    const std::function<GuestSet()>& read_guests);

}  // namespace nestbed::vmm
