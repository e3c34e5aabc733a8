#include "guest/harness/watched_pages.hpp"

#include "guest/harness/log.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/exceptions.hpp"

namespace nestbed::guest {

GUEST_USER_DATA constinit std::array<WatchedPage, max_watched_pages> watched_pages{};

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr std::uint64_t changing = std::uint64_t{1} << 2;
constexpr std::uint64_t rights_mask = changing - 1;

/// One CPU's watcher. What it does now is here for the kernel to see when it faults.
struct alignas(64) Watcher {
    std::atomic<std::uint64_t> passes;
    std::uint64_t page;   ///< that it is at
    std::uint64_t state;  ///< of the page, before the access
    WatchCounts counts;
    std::uint64_t address, seen, expected;  ///< of its first violation
};
GUEST_USER_DATA constinit std::array<Watcher, channel::max_cpus> watchers{};
GUEST_USER_DATA constinit std::atomic<std::uint64_t> stop{0};

[[gnu::always_inline]] inline std::atomic<std::uint64_t>& word_at(std::uint64_t address) {
    return *reinterpret_cast<std::atomic<std::uint64_t>*>(address);
}

[[gnu::always_inline]] inline bool writes(const Watcher& watcher) {
    return watcher.passes.load(relaxed) % 2 != 0;
}

[[gnu::always_inline]] inline bool allows(const Watcher& watcher) {
    const auto rights = static_cast<Rights>(watcher.state & rights_mask);
    return writes(watcher) ? rights == Rights::write : rights != Rights::none;
}

/// Whether the page was the same from before the access until now.
[[gnu::always_inline]] inline bool was_steady(const Watcher& watcher) {
    return (watcher.state & changing) == 0 &&
           watched_pages[watcher.page].state.load(std::memory_order_acquire) == watcher.state;
}

[[gnu::always_inline]] inline void violate(Watcher& watcher, std::uint64_t seen,
                                           std::uint64_t expected) {
    if (watcher.counts.violations++ == 0) {
        watcher.address = watched_pages[watcher.page].address;
        watcher.seen = seen;
        watcher.expected = expected;
    }
}

[[gnu::always_inline]] inline void use_page(Watcher& watcher) {
    WatchedPage& page = watched_pages[watcher.page];
    // Acquire: what it promises is looked for after it.
    watcher.state = page.state.load(std::memory_order_acquire);
    const std::uint64_t word = page.word.load(std::memory_order_acquire);
    ++watcher.counts.accesses;
    std::uint64_t seen = word;
    if (writes(watcher)) {
        word_at(page.address + 8).store(watcher.passes.load(relaxed), relaxed);
    } else {
        seen = word_at(page.address).load(relaxed);
    }
    // A full fence: the access comes before the second look.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (seen == poison || (was_steady(watcher) && (seen != word || !allows(watcher)))) {
        violate(watcher, seen, word);
    }
}

/// Goes on where it was, for so many passes.
GUEST_USER std::uint64_t use_pages(std::uint64_t cpu, std::uint64_t passes) {
    Watcher& watcher = watchers[cpu];
    while (passes != 0 && stop.load(std::memory_order_acquire) == 0) {
        for (; watcher.page < max_watched_pages; ++watcher.page) {
            if (watched_pages[watcher.page].used.load(relaxed) != 0) {
                use_page(watcher);
            }
        }
        watcher.page = 0;
        --passes;
        // Release: whoever sees it sees the counts.
        watcher.passes.store(watcher.passes.load(relaxed) + 1, std::memory_order_release);
    }
    return 0;
}

/// In kernel mode: the access ended in an exception.
void judge_fault(Watcher& watcher, const Trap& trap) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint64_t address = watched_pages[watcher.page].address + (writes(watcher) ? 8 : 0);
    const bool is_of_the_page =
        trap.vector() == static_cast<std::uint8_t>(arch::Exception::page_fault) &&
        trap.cr2 == address;
    if (!is_of_the_page || (was_steady(watcher) && allows(watcher))) {
        violate(watcher, trap.cr2, address);
    } else {
        ++watcher.counts.faults;
    }
    ++watcher.page;
}

void watch(std::uint64_t passes) {
    Watcher& watcher = watchers[this_cpu_index()];
    const std::uint64_t end = watcher.passes.load(relaxed) + passes;
    for (;;) {
        const UserResult result =
            run_user(use_pages, this_cpu_index(), end - watcher.passes.load(relaxed));
        if (result.returned) {
            return;
        }
        judge_fault(watcher, result.trap);
    }
}

}  // namespace

void begin_change(WatchedPage& page) {
    // Sequentially consistent, a full fence: that the page is changing is known before an access
    // can meet the new entry.
    page.state.fetch_add(changing, std::memory_order_seq_cst);
    page.used.store(1, relaxed);
}

void end_change(WatchedPage& page, Rights rights, std::uint64_t word) {
    // Release, both: what they promise is true for whoever reads them.
    page.word.store(word, std::memory_order_release);
    const std::uint64_t state = (page.state.load(relaxed) + changing) & ~rights_mask;
    page.state.store(state | static_cast<std::uint64_t>(rights), std::memory_order_release);
}

void leave_alone(WatchedPage& page) { page.used.store(0, relaxed); }

void watch_until_stopped(std::uint64_t passes_at_once, const TargetHooks& hooks) {
    while (stop.load(std::memory_order_acquire) == 0) {
        watch(passes_at_once);
        hooks.poll();
        hooks.enter_lazy();
        pause();
        hooks.leave_lazy();
    }
}

void stop_watchers() { stop.store(1, std::memory_order_release); }

void have_all_watched(std::uint32_t cpus, const TargetHooks& hooks) {
    std::array<std::uint64_t, channel::max_cpus> begun{};
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        begun[cpu] = watchers[cpu].passes.load(std::memory_order_acquire);
    }
    // Two, since one reads and one writes; the one that is going on has begun before the call.
    watch(2);
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        while (cpu != this_cpu_index() &&
               watchers[cpu].passes.load(std::memory_order_acquire) < begun[cpu] + 3) {
            hooks.poll();
            pause();
        }
    }
}

WatchCounts watch_counts(std::uint32_t cpus) {
    WatchCounts sum;
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        const Watcher& watcher = watchers[cpu];
        sum.accesses += watcher.counts.accesses;
        sum.faults += watcher.counts.faults;
        sum.violations += watcher.counts.violations;
    }
    return sum;
}

void log_violations(std::uint32_t cpus) {
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        const Watcher& watcher = watchers[cpu];
        if (watcher.counts.violations != 0) {
            GUEST_LOG("CPU {}: violation at {:#x}: {:#x}, and not {:#x}", cpu, watcher.address,
                      watcher.seen, watcher.expected);
        }
    }
}

}  // namespace nestbed::guest
