// Standard output and the progress line on standard error.
#pragma once

#include <string>
#include <string_view>

#include "vmm/base/stopwatch.hpp"

namespace nestbed::vmm {

/// Of standard input, output and error those that are closed are opened, on a file that takes
/// nothing: what is printed would go into the next file that we open.
void occupy_standard_streams();

/// Throws Error(io) if standard output cannot be written (a full disk, a closed pipe).
void print(std::string_view text);
/// The same, but some of it may arrive only with what is printed next.
void print_piece(std::string_view text);

/// Columns of the terminal that standard output is; any_width if it is none.
std::size_t output_width();

enum class ColorChoice { automatic, always, never };

/// Whether standard output is to have colours: where nothing else is asked for, if it is a terminal
/// that has some, or CLICOLOR_FORCE is set, but not if NO_COLOR is.
bool wants_color(ColorChoice choice);

/// Standard output is a terminal.
bool is_terminal();

/// GitHub's runner reads what is printed here.
bool is_github_runner();

/// While one of these exists, GitHub's runner takes no line of standard output or error for one of
/// its commands: what guests and file names say is printed in between.
class WithoutWorkflowCommands {
  public:
    WithoutWorkflowCommands();
    ~WithoutWorkflowCommands();
    WithoutWorkflowCommands(const WithoutWorkflowCommands&) = delete;
    WithoutWorkflowCommands& operator=(const WithoutWorkflowCommands&) = delete;

  private:
    std::string token_;  ///< that no guest can know; empty without a runner
};

/// One line on standard error that is always overwritten; without a terminal, a line now and then.
/// In a nested machine it goes to whoever is outside, instead.
class ProgressLine {
  public:
    /// `is_quiet`: it shows nothing at all.
    explicit ProgressLine(bool is_quiet = false);
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    /// Without a terminal only now and then; `at_once`: now.
    void show(std::string_view text, bool at_once = false);
    /// Before anything else is written to the terminal.
    void clear();

  private:
    void show_now_and_then(std::string_view text, bool at_once);

    bool is_quiet_;
    bool terminal_;
    int descriptor_ = -1;  ///< of somebody outside, or none
    bool shown_ = false;
    Stopwatch watch_;  ///< since the last line without a terminal
};

}  // namespace nestbed::vmm
