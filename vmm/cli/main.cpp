// The program `nestbed`.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "vmm/cli/command.hpp"

namespace nestbed::vmm {

namespace {

ExitCode complain(ExitCode code, std::string message) {
    std::ranges::replace(message, '\n', ' ');
    // Not fmt::print, which throws if standard error cannot be written: the exit code still says
    // it.
    std::fputs(fmt::format("nestbed: {}\n", message).c_str(), stderr);
    return code;
}

}  // namespace

}  // namespace nestbed::vmm

int main(int argc, char** argv) {
    using namespace nestbed::vmm;
    ExitCode code = ExitCode::success;
    try {
        code = understand({argv, argv + argc}).action();
    } catch (...) {
        const Error error = current_error();
        code = complain(exit_code_of(error.kind()), error.what());
    }
    return static_cast<int>(code);
}
