// How many table entries a processor reads for a sequence of accesses: the entry library's walk of
// the same tables, without what caches of translations save.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

#include "shared/paging/walk2d.hpp"
#include "vmm/model/lru_set.hpp"
#include "vmm/model/translation_caches.hpp"

namespace nestbed::vmm {

/// By paging::Level, of which 0 is none.
using CountsByLevel = std::array<std::uint64_t, paging::max_levels + 1>;

struct WalkCounts {
    std::uint64_t accesses = 0;
    std::uint64_t misses = 0;      ///< of the TLB
    std::uint64_t unmapped = 0;    ///< accesses that no walk translates; not in `misses`
    CountsByLevel guest{};         ///< entries of the guest's tables
    CountsByLevel second_stage{};  ///< entries of the second stage

    std::uint64_t guest_references() const { return std::reduce(guest.begin(), guest.end()); }
    std::uint64_t second_stage_references() const {
        return std::reduce(second_stage.begin(), second_stage.end());
    }
};

/// Replays accesses of user mode that read. The tables must not change meanwhile; a second stage
/// has 4 levels.
///
/// Fully associative caches that replace what was used longest ago; processors have sets, other
/// policies, and caches that several levels or both hardware threads share. That the entries
/// themselves may be in a data cache or not is no matter of counting.
template <paging::EntryReader Reader, paging::SecondStage Stage>
class WalkModel {
  public:
    WalkModel(Reader reader, Stage stage, paging::Frame4k root, const paging::ControlState& state,
              const TranslationCaches& caches)
        : reader_(std::move(reader)),
          stage_(std::move(stage)),
          root_(root),
          state_(state),
          tlb_(caches.tlb_4k, caches.tlb_2m, caches.tlb_1g, 0, 0),
          first_stage_(sets_of(caches.first_stage)),
          second_stage_(sets_of(caches.second_stage)),
          nested_tlb_(caches.nested_tlb) {}

    void access(std::uint64_t linear) {
        ++counts_.accesses;
        if (tlb_.use_lowest(linear)) {
            return;
        }
        const auto walk = paging::walk2d(reader_, stage_, root_, linear,
                                         {.mode = paging::AccessMode::user}, state_);
        if (walk.outcome != paging::Walk2dOutcome::translated) {
            ++counts_.unmapped;
            return;
        }
        ++counts_.misses;
        const auto cached = first_stage_.use_lowest(linear);
        const paging::Level leaf = walk.guest.trace.back().level;
        for (const paging::WalkStep& step : walk.guest.trace) {
            if (step.level > leaf) {
                first_stage_.insert(linear, step.level);
            }
            if (cached && step.level >= *cached) {
                continue;
            }
            // A cached entry of the level above has the table's address from the second stage
            // already (SDM Vol. 3C 29.4.1: combined mappings).
            const bool is_located = cached && paging::above(step.level) == *cached;
            if (!is_located && !nested_tlb_.use(step.entry.raw() >> 12)) {
                count_second_stage(step.entry, paging::AccessPurpose::table_entry);
                nested_tlb_.insert(step.entry.raw() >> 12);
            }
            ++counts_.guest[static_cast<std::size_t>(step.level)];
        }
        // Where the data is goes into the TLB, with the rest of the way.
        count_second_stage(walk.guest.translation.address, paging::AccessPurpose::translation);
        tlb_.insert(linear, paging::leaf_level_of(walk.size));
    }

    const WalkCounts& counts() const { return counts_; }

    /// Forgets the counts, not what the caches hold.
    void start_counting() { counts_ = {}; }

  private:
    static LruSetsByLevel sets_of(const PagingStructureCaches& entries) {
        return {0, entries.pde, entries.pdpte, entries.pml4e, entries.pml5e};
    }

    /// Counts the entries that one translation takes, but for those that are cached.
    void count_second_stage(paging::PhysAddr guest_physical, paging::AccessPurpose purpose) {
        const auto cached = second_stage_.use_lowest(guest_physical.raw());
        paging::Level level = paging::Level::pml5;
        const auto counting = [&](paging::PhysAddr entry) {
            level = paging::below(level);
            if (!cached || level < *cached) {
                ++counts_.second_stage[static_cast<std::size_t>(level)];
            }
            return reader_(entry);
        };
        static_cast<void>(stage_.translate(counting, guest_physical, {.purpose = purpose}));
        for (auto at = paging::Level::pml4; at > level; at = paging::below(at)) {
            second_stage_.insert(guest_physical.raw(), at);
        }
    }

    Reader reader_;
    Stage stage_;
    paging::Frame4k root_;
    paging::ControlState state_;
    LruSetsByLevel tlb_;
    LruSetsByLevel first_stage_;
    LruSetsByLevel second_stage_;
    LruSet nested_tlb_;
    WalkCounts counts_;
};

}  // namespace nestbed::vmm
