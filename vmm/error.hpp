// The host's one way to report an error: an exception that says what, where and what to do, and
// that carries the program's exit code.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace nestbed::vmm {

/// The exit codes of `nestbed`.
enum class ExitCode : int {
    success = 0,
    test_failed = 1,
    bad_input = 2,      ///< wrong usage, an unusable guest ELF, an output that cannot be written
    no_kvm = 3,         ///< no usable KVM
    interrupted = 130,  ///< Ctrl-C or SIGTERM, by the shell's convention
};

class Error : public std::runtime_error {
  public:
    Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

    ExitCode code() const { return code_; }

  private:
    ExitCode code_;
};

template <typename... Arguments>
[[noreturn]] void throw_error(ExitCode code, fmt::format_string<Arguments...> format,
                              Arguments&&... arguments) {
    throw Error(code, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace nestbed::vmm
