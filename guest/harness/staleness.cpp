#include "guest/harness/staleness.hpp"

#include <array>
#include <atomic>

#include "guest/harness/page_table_window.hpp"
#include "guest/harness/places.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

namespace {

constexpr paging::Page4k page = first_page_of(0);
constexpr auto flags = paging::Flags(paging::Permission::read | paging::Permission::user);
constexpr auto relaxed = std::memory_order_relaxed;

/// Whether `was_stale(word)` is true again and again. It maps the page to the frame with this word;
/// the words take turns, so that every second time a translation that stays for ever is right.
template <typename WasStale>
bool is_seen_often(WasStale&& was_stale) {
    // So often that a host where other programs come in between, and have it forget what it keeps,
    // is not taken for one that keeps nothing; nor one that kept something once for one that does.
    constexpr std::uint64_t tries = 50;
    constexpr std::uint64_t often = 5;
    std::uint64_t stale = 0;
    for (std::uint64_t n = 1; n <= tries && stale < often; ++n) {
        stale += was_stale(n % 2) ? 1 : 0;
    }
    return stale == often;
}

/// A page that is mapped to one of two frames, whose first words are 0 and 1: to the first.
class TwoFrames {
  public:
    AddressSpace space;

    TwoFrames() {
        for (std::uint64_t n = 0; n < frames_.size(); ++n) {
            const auto frame = frames().allocate_zeroed();
            if (!frame) {
                panic("no memory to look for stale translations");
            }
            frames_[n] = frame->address();
            *in_direct_map(frames_[n]) = n;
        }
        if (!space.mapper().map(page, *paging::Frame4k::from(frames_[0]), flags)) {
            panic("no page to look for stale translations");
        }
    }

    std::uint64_t entry_of(std::uint64_t word) const {
        return paging::Pte::leaf(*paging::Frame4k::from(frames_[word]), flags).raw();
    }

  private:
    std::array<paging::PhysAddr, 2> frames_{};
};

GUEST_USER std::uint64_t read_word(std::uint64_t address, std::uint64_t) {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(address)->load();
}

/// What the CPU that reads all the time has seen last, and how often it has read.
struct Watch {
    alignas(64) std::atomic<std::uint64_t> stop;
    alignas(64) std::atomic<std::uint64_t> seen;
    std::atomic<std::uint64_t> reads;
};
GUEST_USER_DATA constinit Watch watch{};

/// Always inline: user and kernel mode each need code of their own.
template <typename Pause>
[[gnu::always_inline]] inline void watch_until_stopped(std::uint64_t address, Pause pause_once) {
    while (watch.stop.load(std::memory_order_acquire) == 0) {
        watch.seen.store(reinterpret_cast<std::atomic<std::uint64_t>*>(address)->load(), relaxed);
        // Release: whoever counts it finds what was seen.
        watch.reads.store(watch.reads.load(relaxed) + 1, std::memory_order_release);
        pause_once();
    }
}

GUEST_USER std::uint64_t watch_from_user_mode(std::uint64_t address, std::uint64_t) {
    // No PAUSE, which may cost an exit.
    watch_until_stopped(address, []() __attribute__((always_inline)){});
    return 0;
}

/// What the other CPU sees in a read that begins after the call.
std::uint64_t seen_from_now_on() {
    // The read that is counted next may have begun before.
    const std::uint64_t enough = watch.reads.load(std::memory_order_acquire) + 2;
    while (watch.reads.load(std::memory_order_acquire) < enough) {
        pause();
    }
    return watch.seen.load(relaxed);
}

constexpr std::uint8_t nothing_vector = 0x81;
constinit std::atomic<std::uint64_t> interrupted{0};

void interrupt_the_other() {
    const std::uint64_t before = interrupted.load(relaxed);
    apic::send(1, nothing_vector);
    while (interrupted.load(std::memory_order_acquire) == before) {
        pause();
    }
}

void sleep_for_a_moment() {
    const InterruptsOff guard;
    // Pending already, it ends the HLT, which is an exit all the same.
    apic::send(this_cpu_index(), wake_vector);
    wait_for_interrupt();
}

}  // namespace

bool translations_stay_stale_between_visits(bool asleep) {
    TwoFrames two;
    const PageTableWindow table(two.space, page, window_of(0));
    two.space.load();
    const bool stale = is_seen_often([&](std::uint64_t word) {
        run_user(read_word, page.address().raw()).value();
        table.store({two.entry_of(word)}, 1);
        if (asleep) {
            sleep_for_a_moment();
        }
        const std::uint64_t seen = run_user(read_word, page.address().raw()).value();
        invlpg(page.address().raw());
        return seen != word;
    });
    AddressSpace::unload();
    return stale;
}

bool translations_stay_stale_elsewhere(const Disturbance& disturbance) {
    TwoFrames two;
    const PageTableWindow table(two.space, page, window_of(0));
    set_interrupt_handler(nothing_vector,
                          [](TrapFrame&) { interrupted.fetch_add(1, std::memory_order_release); });
    const auto disturb = [&](std::uint64_t word) {
        seen_from_now_on();
        if (disturbance.kernel_store) {
            table.store_from_kernel(0, two.entry_of(word));
        } else {
            table.store({two.entry_of(word)}, 1);
        }
        if (disturbance.invlpg) {
            invlpg(page.address().raw());
        }
        if (disturbance.interrupt) {
            interrupt_the_other();
        }
        return seen_from_now_on() != word;
    };
    bool stale = false;
    run_on_cpus(2, [&](std::uint32_t cpu) {
        two.space.load();
        if (cpu == 0) {
            stale = is_seen_often(disturb);
            watch.stop.store(1, std::memory_order_release);
        } else if (disturbance.kernel_reader) {
            watch_until_stopped(page.address().raw(), pause);
        } else {
            run_user(watch_from_user_mode, page.address().raw()).value();
        }
        AddressSpace::unload();
    });
    return stale;
}

}  // namespace nestbed::guest
