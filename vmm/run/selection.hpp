// Which tests of some guests a command works on: what `list` shows is what `run` runs.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vmm/run/filter.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

/// `--shard`: one of `count` parts that have no test in common and together are all tests.
struct Shard {
    std::uint64_t index;  ///< counts from 1
    std::uint64_t count;

    std::string text() const { return fmt::format("{}/{}", index, count); }
};

/// `--rerun-failed`: what has failed, or did not finish, according to a report.
struct FailedBefore {
    std::string report;           ///< its path
    std::set<std::string> tests;  ///< by their full names
};

/// All of it must be met. The shard is taken of the tests that meet the rest.
struct Selection {
    Filter filter = {};
    TagFilter tags = {};
    std::optional<FailedBefore> failed_before = {};
    std::optional<Shard> shard = {};
};

struct SelectedTest {
    const Guest* guest;
    const GuestTest* test;
};

struct SelectedTests {
    std::vector<SelectedTest> tests;   ///< in the guests' order; may be none if a remark says why
    std::vector<std::string> remarks;  ///< what whoever has made the selection should know
};

/// `guests` must outlive the result. Throws Error(usage) if a part of the selection matches no
/// test, or if all of it together leaves none. No test is as it should be where none has failed
/// before, and in a shard where there are more shards than tests.
SelectedTests select(const GuestSet& guests, const Selection& selection);

}  // namespace nestbed::vmm
