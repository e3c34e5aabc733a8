// A soak: every CPU changes pages of its own at random, shoots, and in between uses all others'
// pages (soak_pages.hpp), leaves the address space and comes back, turns interrupts off, waits
// lazily.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "guest/harness/shootdown_protocol.hpp"
#include "guest/harness/soak_pages.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

struct SoakSettings {
    std::uint32_t cpus = 2;
    std::uint64_t cycles = 0;  ///< how long at least, by the TSC
    std::uint64_t seed = 1;
    bool until_violation = false;  ///< no longer than that
};

/// `Installed` is what shootdown_protocol.hpp makes of a protocol; its handlers are set.
template <typename Installed>
class Soak {
  public:
    Soak(const SoakSettings& settings, stats::Histogram& shootdowns)
        : settings_(settings), shootdowns_(shootdowns), end_(settings.cpus) {
        for (std::uint32_t cpu = 0; cpu < settings_.cpus; ++cpu) {
            pages()[cpu].emplace(space_, cpu);
        }
    }

    SoakCounts run() {
        run_on_cpus(settings_.cpus, [&](std::uint32_t cpu) { take_part(cpu); });
        return counts_;
    }

  private:
    using Pages = std::array<std::optional<SoakPages>, channel::max_cpus>;

    /// Static: larger than a stack.
    static Pages& pages() {
        static constinit Pages all{};
        return all;
    }

    void load() { load_for(Installed::protocol, space_); }

    void take_part(std::uint32_t cpu) {
        Random random(settings_.seed + cpu);
        SoakCounts counts;
        steal_time::enable();
        load();
        {
            const TicksWhileInScope<decltype(Installed::protocol)> ticks;
            const std::uint64_t start = read_tsc();
            // On a host that is busy with others the time may be over before anything was done.
            while ((read_tsc() - start < settings_.cycles || counts.accesses == 0) && !is_over()) {
                hooks_.poll();
                do_something(cpu, random, counts);
                if (counts.violations != 0) {
                    violated_.store(true, std::memory_order_relaxed);
                }
            }
            // Others may still wait for this CPU.
            end_.meet(hooks_.poll);
        }
        AddressSpace::unload();
        const SpinlockGuard guard(lock_);
        counts_ += counts;
    }

    bool is_over() const {
        return settings_.until_violation && violated_.load(std::memory_order_relaxed);
    }

    void do_something(std::uint32_t cpu, Random& random, SoakCounts& counts) {
        constexpr std::uint64_t kinds = 16;
        switch (random.below(kinds)) {
            case 0:
                AddressSpace::unload();
                load();
                return;
            case 1:
                wait_with_interrupts_off(random);
                return;
            case 2:
                wait_lazily(random);
                return;
            case 3:
            case 4:
            case 5:
                change_pages(cpu, random, counts);
                return;
            default:
                pages()[random.below(settings_.cpus)]->access(random, counts);
                return;
        }
    }

    void change_pages(std::uint32_t cpu, Random& random, SoakCounts& counts) {
        SoakPages& mine = *pages()[cpu];
        shootdown::Request request(mine.begin_change(random, counts));
        request.everything = random.one_in(8);
        const std::uint64_t start = read_tsc();
        Installed::protocol.shoot(space_, request);
        const std::uint64_t cycles = read_tsc() - start;
        mine.finish_change();
        const SpinlockGuard guard(lock_);
        shootdowns_.record(cycles);
    }

    void wait_with_interrupts_off(Random& random) {
        const InterruptsOff guard;
        wait(random);
    }

    void wait_lazily(Random& random) {
        hooks_.enter_lazy();
        wait(random);
        hooks_.leave_lazy();
    }

    void wait(Random& random) {
        for (std::uint64_t n = random.below(64); n != 0; --n) {
            hooks_.poll();
            pause();
        }
    }

    SoakSettings settings_;
    stats::Histogram& shootdowns_;  ///< guarded by lock_
    AddressSpace space_;
    TargetHooks hooks_ = Installed::hooks();
    Rendezvous end_;
    std::atomic<bool> violated_{false};
    Spinlock lock_;
    SoakCounts counts_{};  ///< guarded by lock_
};

/// Soaks `Protocol<Platform>`; once per VM.
template <template <typename> typename Protocol, typename Platform = TracedPlatform>
SoakCounts run_soak(const SoakSettings& settings, stats::Histogram& shootdowns) {
    using P = Installed<Protocol, Platform>;
    // In a soak every CPU comes past its poll.
    skip_if(obstacle_to<Protocol>({.cpus = settings.cpus, .target = TargetState::spin}));
    static std::optional<Soak<P>> soak;
    P::set_handlers();
    soak.emplace(settings, shootdowns);
    return soak->run();
}

}  // namespace nestbed::guest
