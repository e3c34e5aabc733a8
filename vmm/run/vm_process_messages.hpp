// What the process of a VM sends to the one that waits for it: messages, and in the end the error
// that ended its work, if one did. Both ends of the pipe; the reader believes nothing of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

/// The exit status of a process that could not send what it had.
inline constexpr int has_not_sent = 3;

/// The process's end.
class VmProcessReport {
  public:
    explicit VmProcessReport(int fd) : fd_(fd) {}

    /// If that cannot be, the process ends (has_not_sent): behind a part of a message nothing would
    /// be understood.
    void send(std::string_view message) const;
    void send_error(const Error& error) const;

    int descriptor() const { return fd_; }

  private:
    int fd_;
};

/// What a message is to whoever waits for the process.
enum class Heard {
    word,  ///< it goes on with what it is at
    step,  ///< it has done something that was waited for
};

/// The other end.
class VmProcessListener {
  public:
    using Take = std::function<Heard(const std::string&)>;

    /// Each message is handed to `take` when all of it is there.
    VmProcessListener(Descriptor pipe, const Take& take) : pipe_(std::move(pipe)), take_(take) {}

    /// Takes what there is; true if a step was among it. Throws Error: what comes is no message, or
    /// cannot be read.
    bool listen();

    int descriptor() const { return pipe_.get(); }
    bool has_ended() const { return has_ended_; }
    /// That it says has ended its work.
    const std::optional<Error>& error() const { return error_; }

  private:
    std::optional<Heard> take_next();

    Descriptor pipe_;
    const Take& take_;
    std::string bytes_;
    bool has_ended_ = false;
    std::optional<Error> error_;
};

}  // namespace nestbed::vmm
