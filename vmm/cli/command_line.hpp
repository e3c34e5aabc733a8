// The command line as a whole.
#pragma once

#include <string>
#include <vector>

#include "vmm/cli/command.hpp"

namespace nestbed::vmm {

/// What `command_line`, which begins with the program's name, asks for. A call for help or for the
/// version is an action like others. Throws Error(bad_input), naming the help that would have
/// prevented the mistake.
Invocation understand(std::vector<std::string> command_line);

/// The same for the arguments of a command that is to be run in a nested machine, which has no
/// nested machines.
Invocation understand_nested(const std::vector<std::string>& arguments);

}  // namespace nestbed::vmm
