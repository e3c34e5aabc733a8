// `--filter`: shell patterns over full test names.
#pragma once

#include <string>
#include <vector>

namespace nestbed::vmm {

class Filter {
  public:
    /// Several patterns may stand in one argument, with colons between them. None at all lets
    /// everything through.
    explicit Filter(const std::vector<std::string>& arguments);

    /// True if `full_name` ("suite.name") matches one of the patterns (fnmatch: `*`, `?`, `[…]`).
    bool matches(const std::string& full_name) const;

    /// The patterns as one argument, to be named in a message.
    std::string text() const;

  private:
    std::vector<std::string> patterns_;
};

}  // namespace nestbed::vmm
