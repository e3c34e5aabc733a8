// Standard output and the progress line on standard error.
#pragma once

#include <string_view>

namespace nestbed::vmm {

/// Throws Error(io) if standard output cannot be written (a full disk, a closed pipe).
void print(std::string_view text);

/// One line on standard error that is always overwritten; only on a terminal. In a nested machine
/// it goes to whoever is outside, instead.
class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(std::string_view text);
    /// Before anything else is written to the terminal.
    void clear();

  private:
    bool terminal_;
    int descriptor_ = -1;  ///< of somebody outside, or none
    bool shown_ = false;
};

}  // namespace nestbed::vmm
