// Shootdowns, measured and proved in the same run: CPU 0 remaps a range of pages again and again,
// all other CPUs read it (shootdown_readers.hpp), and a protocol stands between them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "guest/harness/page_table_window.hpp"
#include "guest/harness/shootdown_readers.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "shared/shootdown/platform.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

inline constexpr std::uint64_t max_experiment_pages = paging::entries_per_table;

struct ExperimentSettings {
    std::uint32_t cpus = 2;   ///< the initiator included
    std::uint64_t pages = 1;  ///< 1 to `max_experiment_pages`
    TargetState target = TargetState::user;
    std::uint64_t samples = 10;
};

struct ExperimentCounts {
    std::uint64_t shootdowns = 0;  ///< warm-up included
    std::uint64_t reads = 0;
    std::uint64_t violations = 0;
    std::uint64_t stale_reads = 0;
};

/// `Protocol` has `shoot(AddressSpace&, const PageRange&)`; its interrupt handler is set already.
template <typename Protocol>
class ShootdownExperiment {
  public:
    /// Shootdowns before the first sample: they touch everything that is cold, and are judged as
    /// all are, but not counted as latencies.
    static constexpr std::uint64_t warm_up = 2;

    ShootdownExperiment(Protocol& protocol, const ExperimentSettings& settings)
        : protocol_(protocol), settings_(settings), frames_{large_frame(), large_frame()} {
        map_pages();
        table_.emplace(space_, first_page, table_window);
        announcements.first_page = first_page.address().raw();
        announcements.pages = settings_.pages;
    }

    /// Runs until all samples are taken or a violation was seen; the cycles of each, from the last
    /// changed entry to the last acknowledgement seen, go into `latencies`.
    ExperimentCounts run(stats::Histogram& latencies) {
        run_on_cpus(settings_.cpus, [&](std::uint32_t cpu) {
            space_.load();
            if (cpu == 0) {
                initiate(latencies);
            } else {
                read_until_stopped(settings_.target);
            }
            AddressSpace::unload();
        });
        return counts();
    }

  private:
    static constexpr auto first_page = paging::Page4k::at<0x4000'0000'0000>();
    static constexpr auto table_window = paging::Page4k::at<0x5000'0000'0000>();
    static constexpr auto flags =
        paging::Flags(paging::Permission::read | paging::Permission::user);
    /// Not 0, which is what a reader that has not read yet has judged last.
    static constexpr std::uint64_t first_generation = 1;
    static constexpr std::uint64_t step = paging::bytes_of(paging::PageSize::size_4k);

    using Token = paging::StaleTlbEntry<paging::PageSize::size_4k>;

    static paging::PhysAddr large_frame() {
        const auto frame = frames().allocate_zeroed_2m();
        if (!frame) {
            panic("no memory for the experiment's frames");
        }
        return frame->address();
    }

    void map_pages() {
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            if (!space_.mapper().map(page(n), frame(first_generation, n), flags)) {
                panic("the experiment's pages cannot be mapped");
            }
        }
        fill(first_generation, first_generation);
    }

    paging::Page4k page(std::uint64_t n) const {
        return paging::Page4k::containing(first_page.address() + n * step);
    }

    /// The frame of page `n` in a generation; two sets of frames take turns.
    paging::Frame4k frame(std::uint64_t generation, std::uint64_t n) const {
        return *paging::Frame4k::from(frames_[generation % 2] + n * step);
    }

    void fill(std::uint64_t generation, std::uint64_t word) const {
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            // Relaxed: a reader that could see it in the wrong order is what is looked for.
            std::atomic_ref(*in_direct_map(frame(generation, n).address()))
                .store(word, std::memory_order_relaxed);
        }
    }

    void initiate(stats::Histogram& latencies) {
        complete(first_generation);
        const std::uint64_t last_generation = first_generation + warm_up + settings_.samples;
        for (std::uint64_t generation = first_generation + 1; generation <= last_generation;
             ++generation) {
            fill(generation, generation);
            remap(generation);
            // Release: whoever reads it finds the entries changed.
            announcements.changed.store(generation, std::memory_order_release);

            const auto range = shootdown::PageRange::of(first_page, settings_.pages);
            const std::uint64_t start = read_tsc();
            protocol_.shoot(space_, range);
            const std::uint64_t cycles = read_tsc() - start;

            ++shootdowns_;
            if (shootdowns_ > warm_up) {
                latencies.record(cycles);
            }
            take_frames_back(generation);
            fill(generation - 1, poison);
            complete(generation);
            if (counts().violations != 0) {
                break;
            }
        }
        stop_readers(settings_.cpus);
    }

    void complete(std::uint64_t generation) {
        // Release: whoever reads it reads pages after the shootdown and after the poison.
        announcements.completed.store(generation, std::memory_order_release);
        wait_for_judgement(settings_.cpus, generation, settings_.target);
    }

    void remap(std::uint64_t generation) {
        static std::array<std::uint64_t, max_experiment_pages> entries;
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            entries[n] = paging::Pte::leaf(frame(generation, n), flags).raw();
            stale_[n].emplace(space_.id(), page(n), frame(generation - 1, n),
                              paging::Pte(table_->entry(n)));
        }
        table_->store(entries, settings_.pages);
    }

    /// One shootdown has paid for the whole range.
    void take_frames_back(std::uint64_t generation) {
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            const paging::Frame4k old =
                (*std::move(stale_[n])).invalidate([](const paging::Invalidation&) {});
            stale_[n].reset();
            if (old != frame(generation - 1, n)) {
                panic("a stale translation gave back another frame than was mapped");
            }
        }
    }

    ExperimentCounts counts() const {
        constexpr auto relaxed = std::memory_order_relaxed;
        ExperimentCounts result;
        result.shootdowns = shootdowns_;
        for (std::uint32_t cpu = 1; cpu < settings_.cpus; ++cpu) {
            result.reads += reader_counts[cpu].reads.load(relaxed);
            result.violations += reader_counts[cpu].violations.load(relaxed);
            result.stale_reads += reader_counts[cpu].stale_reads.load(relaxed);
        }
        return result;
    }

    Protocol& protocol_;
    ExperimentSettings settings_;
    AddressSpace space_;
    std::array<paging::PhysAddr, 2> frames_;
    std::optional<PageTableWindow> table_;
    std::array<std::optional<Token>, max_experiment_pages> stale_{};
    std::uint64_t shootdowns_ = 0;
};

}  // namespace nestbed::guest
