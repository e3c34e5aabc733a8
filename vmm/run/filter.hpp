// Which tests are wanted, by name and by tag.
#pragma once

#include <string>
#include <vector>

#include "vmm/loader/guest.hpp"

namespace nestbed::vmm {

/// `--filter`: shell patterns (fnmatch: `*`, `?`, `[…]`) over full test names ("suite.name").
class Filter {
  public:
    /// Lets all through.
    Filter() = default;
    explicit Filter(const std::vector<std::string>& arguments);

    /// An argument is of the form positive[:positive…][-negative[:negative…]], as GoogleTest has
    /// it: what is behind the first `-` is excluded. The patterns of several arguments are put
    /// together. Without a positive one, all that is not excluded is let through. Throws
    /// Error(usage) for an empty pattern.
    void add(const std::string& argument);

    bool matches(const std::string& full_name) const;

    /// Throws Error(usage) if a pattern matches none of the tests: it is misspelt, and the tests
    /// that run are not those that were meant.
    void refuse_what_matches_nothing(const std::vector<const GuestTest*>& tests) const;

  private:
    std::vector<std::string> wanted_;
    std::vector<std::string> excluded_;
};

/// `--tag`: tests that have one of the tags, and none of those with a `-` in front.
class TagFilter {
  public:
    /// Lets all through.
    TagFilter() = default;
    explicit TagFilter(const std::vector<std::string>& arguments);

    /// An argument of several tags has commas between them. Throws Error(usage) for an empty tag.
    void add(const std::string& argument);

    bool matches(const std::vector<std::string>& tags) const;

    /// The same for tags: throws Error(usage), naming those that the tests have.
    void refuse_what_matches_nothing(const std::vector<const GuestTest*>& tests) const;

  private:
    std::vector<std::string> wanted_;
    std::vector<std::string> excluded_;
};

}  // namespace nestbed::vmm
