// Pages that CPUs in user mode use all the time, while another CPU changes their mappings, and what
// they must not meet then.
//
// A page is steady, with certain rights and a certain first word, or changing: from before its
// entry is stored until the shootdown is over. The watchers read the first word and, every second
// time, write the second. What must never be:
//   - an access that a steady page allows faults, or one that it does not allow succeeds;
//   - a read of a steady page gives another word;
//   - any read gives poison, with which frames are filled when they are given back.
// Whoever takes a frame again looks whether it is full of poison still: if not, it was written
// through an old translation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "guest/harness/shootdown_readers.hpp"
#include "guest/harness/soak_pages.hpp"
#include "shared/channel/abi.hpp"
#include "shared/paging/address.hpp"

namespace nestbed::guest {

/// In the user image, for watchers in user mode.
struct WatchedPage {
    std::uint64_t address;  ///< set before the first change
    std::atomic<std::uint64_t> used;
    /// Counts up when a change begins and when it is over, so that it is odd in between; above the
    /// rights, in bits 1:0.
    std::atomic<std::uint64_t> state;
    std::atomic<std::uint64_t> word;  ///< the first, while the page is steady
};

inline constexpr std::size_t max_watched_pages = 8;
extern std::array<WatchedPage, max_watched_pages> watched_pages;

/// From before the first store to the tables until the shootdown is over. One CPU changes pages.
void begin_change(WatchedPage& page);
void end_change(WatchedPage& page, Rights rights, std::uint64_t word);
/// Nobody needs to use it until it changes again: a page that is not mapped costs a fault each
/// time.
void leave_alone(WatchedPage& page);

struct WatchCounts {
    std::uint64_t accesses = 0;
    std::uint64_t faults = 0;  ///< of the accesses, and rightly so
    std::uint64_t violations = 0;
};

/// Uses the watched pages on the calling CPU until `stop_watchers`. The space must be loaded. After
/// every so many passes it comes back to kernel mode, polls, and is lazy for a moment.
void watch_until_stopped(std::uint64_t passes_at_once, const TargetHooks& hooks);
void stop_watchers();

/// Each page is read and written once at least on each of CPUs 0 to `cpus`-1, the calling one
/// included, in passes that begin after the call.
void have_all_watched(std::uint32_t cpus, const TargetHooks& hooks);

/// Of all CPUs, until now.
WatchCounts watch_counts(std::uint32_t cpus);

/// Logs the first violation of each.
void log_violations(std::uint32_t cpus);

}  // namespace nestbed::guest
