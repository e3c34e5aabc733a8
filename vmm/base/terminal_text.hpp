// What another program writes, on its way to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace nestbed::vmm {

/// Comes in pieces that end anywhere, and goes on without what a terminal would obey: it stays as
/// it is but for control characters, of which only line ends, tabs and our own colours pass.
class TerminalText {
  public:
    /// What can be shown now: the beginning of a character or of a colour waits for its end.
    std::string take(std::string_view more);
    /// What waits still, at the end.
    std::string rest();

  private:
    std::string waiting_;
};

}  // namespace nestbed::vmm
