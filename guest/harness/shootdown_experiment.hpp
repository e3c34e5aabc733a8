// Shootdowns, measured and proved in the same run: CPU 0 remaps a range of pages again and again,
// all other CPUs read it (shootdown_readers.hpp), and a protocol stands between them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "guest/harness/shootdown_readers.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/user.hpp"
#include "shared/paging/walk.hpp"
#include "shared/shootdown/platform.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

inline constexpr std::uint64_t max_experiment_pages = paging::entries_per_table;

struct ExperimentSettings {
    std::uint32_t cpus = 2;   ///< the initiator included
    std::uint64_t pages = 1;  ///< 1 to `max_experiment_pages`
    TargetState target = TargetState::user;
    std::uint64_t samples = 10;
    /// End as soon as a reader has seen a violation: for protocols that are wrong on purpose.
    bool stop_at_violation = false;
    /// Change the entries by stores from user mode. Where kernel mode is interpreted, KVM sees each
    /// of its stores to a page table and takes the old translation away on all CPUs by itself;
    /// stores from user mode reach memory behind its back.
    bool store_from_user_mode = false;
};

struct ExperimentCounts {
    std::uint64_t shootdowns = 0;
    std::uint64_t reads = 0;
    std::uint64_t violations = 0;
    std::uint64_t stale_reads = 0;
};

/// In user mode: `*address = value`.
std::uint64_t store_word(std::uint64_t address, std::uint64_t value);

/// `Protocol` has `shoot(AddressSpace&, const PageRange&)`; its interrupt handler is set already.
template <typename Protocol>
class ShootdownExperiment {
  public:
    ShootdownExperiment(Protocol& protocol, const ExperimentSettings& settings)
        : protocol_(protocol), settings_(settings) {
        for (paging::PhysAddr& frames_start : frames_) {
            frames_start = large_frame();
        }
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            const auto result = space_.mapper().map(page(n), frame(first_generation, n), flags);
            if (!result) {
                panic("the experiment's pages cannot be mapped");
            }
        }
        fill(first_generation, first_generation);
        if (settings_.store_from_user_mode) {
            map_leaf_table();
        }
        announcements.first_page = first_page.address().raw();
        announcements.pages = settings_.pages;
    }

    /// Runs all samples; the cycles of each, from the last changed entry to the last
    /// acknowledgement seen, go into `latencies`.
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
    /// Where user mode sees the leaf table.
    static constexpr auto table_page = paging::Page4k::at<0x5000'0000'0000>();
    static constexpr auto flags =
        paging::Flags(paging::Permission::read | paging::Permission::user);
    /// Not 0, which is what a reader that has not read yet has seen last.
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
        for (std::uint64_t generation = first_generation + 1;
             generation <= first_generation + settings_.samples; ++generation) {
            wait_for_readers(settings_.cpus, generation - 1, settings_.target);
            fill(generation, generation);
            remap(generation);
            // Release: whoever reads it finds the entries changed.
            announcements.changed.store(generation, std::memory_order_release);

            const auto range = shootdown::PageRange::of(first_page, settings_.pages);
            const std::uint64_t start = read_tsc();
            protocol_.shoot(space_, range);
            latencies.record(read_tsc() - start);

            // Release: whoever reads it reads pages after the shootdown.
            announcements.completed.store(generation, std::memory_order_release);
            take_frames_back(generation);
            fill(generation - 1, poison);
            ++shootdowns_;
            if (settings_.stop_at_violation && violations_so_far() != 0) {
                break;
            }
        }
        stop_readers(settings_.cpus);
    }

    void remap(std::uint64_t generation) {
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            if (settings_.store_from_user_mode) {
                remap_from_user_mode(generation, n);
                continue;
            }
            auto result = space_.mapper().remap(page(n), frame(generation, n), flags);
            if (!result) {
                panic("the experiment's pages cannot be remapped");
            }
            stale_[n].emplace(*std::move(result));
        }
    }

    void remap_from_user_mode(std::uint64_t generation, std::uint64_t n) {
        const std::uint64_t entry = table_page.address().raw() + n * paging::entry_bytes;
        const auto old = paging::Pte(leaf_table_entry(n));
        const auto leaf = paging::Pte::leaf(frame(generation, n), flags);
        if (!run_user(store_word, entry, leaf.raw()).returned) {
            panic("user mode could not store to the page table");
        }
        stale_[n].emplace(space_.id(), page(n), frame(generation - 1, n), old);
    }

    std::uint64_t leaf_table_entry(std::uint64_t n) {
        const auto mapping = space_.mapper().lookup(page(n).address());
        return mapping ? mapping->raw : 0;
    }

    /// Shows the leaf table of the range to user mode.
    void map_leaf_table() {
        const paging::WalkResult way =
            paging::walk(paging::WindowReader{DirectMapWindow{}}, space_.id().root,
                         first_page.address().raw(), {}, {});
        const auto table = paging::Frame4k::containing(way.trace.back().entry);
        const auto writable = flags.with_permission(
            paging::Permission::read | paging::Permission::write | paging::Permission::user);
        if (!space_.mapper().map(table_page, *table, writable)) {
            panic("the leaf table cannot be mapped");
        }
    }

    /// One shootdown has paid for the whole range.
    void take_frames_back(std::uint64_t generation) {
        for (std::uint64_t n = 0; n < settings_.pages; ++n) {
            const paging::Frame4k old =
                (*std::move(stale_[n])).invalidate([](paging::AddressSpaceId, paging::Page4k) {});
            stale_[n].reset();
            if (old != frame(generation - 1, n)) {
                panic("a stale translation gave back another frame than was mapped");
            }
        }
    }

    std::uint64_t violations_so_far() const {
        std::uint64_t sum = 0;
        for (std::uint32_t cpu = 1; cpu < settings_.cpus; ++cpu) {
            sum += reader_counts[cpu].violations.load(std::memory_order_relaxed);
        }
        return sum;
    }

    ExperimentCounts counts() const {
        ExperimentCounts result;
        result.shootdowns = shootdowns_;
        for (std::uint32_t cpu = 1; cpu < settings_.cpus; ++cpu) {
            result.reads += reader_counts[cpu].reads.load(std::memory_order_relaxed);
            result.violations += reader_counts[cpu].violations.load(std::memory_order_relaxed);
            result.stale_reads += reader_counts[cpu].stale_reads.load(std::memory_order_relaxed);
        }
        return result;
    }

    Protocol& protocol_;
    ExperimentSettings settings_;
    AddressSpace space_;
    std::array<paging::PhysAddr, 2> frames_{};
    std::array<std::optional<Token>, max_experiment_pages> stale_{};
    std::uint64_t shootdowns_ = 0;
};

}  // namespace nestbed::guest
