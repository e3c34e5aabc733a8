// The host's one way to report an error: an exception that says what, where and what to do, and of
// which kind it is. What a kind means to whoever called the program, cli/exit_code.hpp alone knows.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <string>

namespace nestbed::vmm {

enum class ErrorKind {
    usage,           ///< the command line asks for what cannot be
    input,           ///< a file that is read is not what it should be
    host_lacks,      ///< the host has not got it: usable KVM, huge pages, an emulator
    kernel_refused,  ///< a system call failed that should not
    io,              ///< a file or a stream could not be read or written
    ours,            ///< a bug of this program
};

/// "usage", "input", "host_lacks", …: for reports.
const char* name_of(ErrorKind kind);

class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    ErrorKind kind() const { return kind_; }

  private:
    ErrorKind kind_;
};

template <typename... Arguments>
[[noreturn]] void throw_error(ErrorKind kind, fmt::format_string<Arguments...> format,
                              Arguments&&... arguments) {
    throw Error(kind, fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// The exception that is being handled, whoever has thrown it.
Error current_error();

/// Of steps that are all taken, whatever became of those before, the first that failed.
class FirstError {
  public:
    template <typename Step>
    void attempt(const Step& step) {
        try {
            step();
        } catch (...) {
            keep(current_error());
        }
    }
    void keep(Error error) {
        if (!first_) {
            first_ = std::move(error);
        }
    }

    const std::optional<Error>& get() const { return first_; }
    void throw_if_any() const {
        if (first_) {
            throw Error(*first_);
        }
    }

  private:
    std::optional<Error> first_;
};

}  // namespace nestbed::vmm
