#include "vmm/run/selection.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

/// Those that are none of the guests' tests any more are said.
void keep_failed(const FailedBefore& before, const std::vector<const GuestTest*>& all,
                 SelectedTests& selected) {
    std::set<std::string> gone = before.tests;
    for (const GuestTest* test : all) {
        gone.erase(test->full_name());
    }
    if (!gone.empty() && gone.size() == before.tests.size()) {
        throw_error(ErrorKind::usage,
                    "none of these guests has the tests that failed in {} (name their guests): {}",
                    before.report, fmt::join(gone, ", "));
    }
    for (const std::string& name : gone) {
        selected.remarks.push_back(fmt::format(
            "{} failed in {} and is not run: no guest here has it", name, before.report));
    }
    if (before.tests.empty()) {
        selected.remarks.push_back(
            fmt::format("no test failed in {}: there is nothing to run again", before.report));
    }
    std::erase_if(selected.tests, [&](const SelectedTest& one) {
        return !before.tests.contains(one.test->full_name());
    });
}

/// One test for each shard in turn, by their names: which guest came first, and where a test stands
/// in its file, is the same.
void keep_shard(const Shard& shard, SelectedTests& selected) {
    std::vector<std::string> names;
    for (const SelectedTest& one : selected.tests) {
        names.push_back(one.test->full_name());
    }
    std::ranges::sort(names);
    const std::size_t count = names.size();
    std::erase_if(selected.tests, [&](const SelectedTest& one) {
        const auto place = std::ranges::lower_bound(names, one.test->full_name()) - names.begin();
        return static_cast<std::uint64_t>(place) % shard.count != shard.index - 1;
    });
    if (selected.tests.empty()) {
        selected.remarks.push_back(fmt::format("shard {} is empty: there {} {}", shard.text(),
                                               count == 1 ? "is" : "are", counted(count, "test")));
    }
}

}  // namespace

SelectedTests select(const GuestSet& guests, const Selection& selection) {
    SelectedTests selected;
    std::vector<const GuestTest*> all;
    for (const Guest& guest : guests) {
        for (const GuestTest& test : guest.tests()) {
            all.push_back(&test);
            if (selection.filter.matches(test.full_name()) && selection.tags.matches(test.tags)) {
                selected.tests.push_back({&guest, &test});
            }
        }
    }
    if (all.empty()) {
        throw_error(ErrorKind::usage, "there are no tests in these guests");
    }
    selection.filter.refuse_what_matches_nothing(all);
    selection.tags.refuse_what_matches_nothing(all);
    if (selected.tests.empty()) {
        throw_error(ErrorKind::usage, "--filter and --tag together leave no test");
    }
    if (const auto& before = selection.failed_before) {
        keep_failed(*before, all, selected);
        if (selected.tests.empty() && !before->tests.empty()) {
            throw_error(ErrorKind::usage, "--filter and --tag leave no test of those in {}",
                        before->report);
        }
    }
    if (selection.shard && !selected.tests.empty()) {
        keep_shard(*selection.shard, selected);
    }
    return selected;
}

}  // namespace nestbed::vmm
