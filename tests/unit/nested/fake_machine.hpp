// Shell commands in place of an emulator, and an observer that remembers.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "vmm/nested/boot.hpp"
#include "vmm/nested/frame.hpp"

namespace nestbed::vmm::test {

/// The shell command that sends the frame of a nested machine.
inline std::string sends(FrameKind kind, std::string_view text = "") {
    std::string octal;
    for (const char byte : frames_of(kind, text)) {
        octal += fmt::format("\\{:03o}", static_cast<unsigned char>(byte));
    }
    return fmt::format("printf '{}' >&4; ", octal);
}

/// The shell command of a machine that says no more and does not end.
inline constexpr char hangs[] = "exec sleep infinity";

/// Writes down in one text what it is told.
class Recorder : public NestedObserver {
  public:
    void preparing(std::string_view /*what*/) override {}
    void ready() override { events += "ready. "; }
    void output(std::string_view text) override { add("output", text); }
    void error(std::string_view text) override { add("error", text); }
    void progress(std::string_view line) override { add("progress", line); }
    void retrying(const BootResult& hung) override { add("retrying", hung.reason); }

    std::string events;

  private:
    void add(std::string_view what, std::string_view text) {
        events += fmt::format("{}: {}. ", what, text);
    }
};

}  // namespace nestbed::vmm::test
