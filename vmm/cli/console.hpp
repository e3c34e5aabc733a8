// Standard output and the progress line on standard error.
#pragma once

#include <string_view>

#include "vmm/base/stopwatch.hpp"

namespace nestbed::vmm {

/// Throws Error(io) if standard output cannot be written (a full disk, a closed pipe).
void print(std::string_view text);

/// Columns of the terminal that standard output is; any_width if it is none.
std::size_t output_width();

/// One line on standard error that is always overwritten; without a terminal, a line now and then.
/// In a nested machine it goes to whoever is outside, instead.
class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    /// Without a terminal only now and then; `at_once`: now.
    void show(std::string_view text, bool at_once = false);
    /// Before anything else is written to the terminal.
    void clear();

  private:
    void show_now_and_then(std::string_view text, bool at_once);

    bool terminal_;
    int descriptor_ = -1;  ///< of somebody outside, or none
    bool shown_ = false;
    Stopwatch watch_;  ///< since the last line without a terminal
};

}  // namespace nestbed::vmm
