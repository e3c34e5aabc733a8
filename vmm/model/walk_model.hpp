// How many table entries a processor reads for a sequence of accesses: the entry library's walk of
// the same tables, without what caches of translations save.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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

    std::uint64_t guest_references() const;
    std::uint64_t second_stage_references() const;
};

/// The caches of upper-level entries of one stage, and what they save.
class PagingStructures {
  public:
    explicit PagingStructures(const PagingStructureCaches& entries);

    /// The level from which on down `address` must be walked: below the lowest level of which the
    /// entry is cached; `root` if none is.
    paging::Level first_level_read(std::uint64_t address, paging::Level root);

    /// Remembers the entries of the levels from `root` down to just above `leaf`.
    void remember(std::uint64_t address, paging::Level root, paging::Level leaf);

  private:
    LruSet& level(paging::Level level);

    std::array<LruSet, 4> caches_;  // PDE, PDPTE, PML4E, PML5E
};

/// A last-level TLB with a part for each page size.
class Tlb {
  public:
    explicit Tlb(const TranslationCaches& caches);

    bool use(std::uint64_t linear);
    void insert(std::uint64_t linear, paging::PageSize size);

  private:
    std::array<LruSet, 3> parts_;
};

/// Replays accesses of user mode that read. The tables must not change meanwhile.
///
/// Fully associative caches that replace what was used longest ago; processors have sets, other
/// policies, and caches that several levels or both hardware threads share. That the entries
/// themselves may be in a data cache or not is no matter of counting.
template <paging::EntryReader Reader, paging::SecondStage Stage>
class WalkModel {
  public:
    /// `second_stage_root` is the level at which the second stage begins.
    WalkModel(Reader reader, Stage stage, paging::Frame4k root, const paging::ControlState& state,
              const TranslationCaches& caches,
              paging::Level second_stage_root = paging::Level::pml4)
        : reader_(std::move(reader)),
          stage_{std::move(stage), {}},
          root_(root),
          state_(state),
          second_stage_root_(second_stage_root),
          tlb_(caches),
          first_stage_(caches.first_stage),
          second_stage_(caches.second_stage),
          nested_tlb_(caches.nested_tlb) {}

    void access(std::uint64_t linear) {
        ++counts_.accesses;
        if (tlb_.use(linear)) {
            return;
        }
        stage_.translations.clear();
        const auto walk = paging::walk2d(reader_, stage_, root_, linear, user_read, state_);
        if (walk.outcome != paging::Walk2dOutcome::translated) {
            ++counts_.unmapped;
            return;
        }
        ++counts_.misses;
        const paging::Level top = paging::root_level_of(state_.width());
        const paging::Level first = first_stage_.first_level_read(linear, top);
        std::size_t n = 0;
        for (const paging::WalkStep& step : walk.guest.trace) {
            const Translation& translation = stage_.translations[n++];
            if (step.level > first) {
                continue;
            }
            // A cached entry of the level above has the table's address from the second stage
            // already (SDM Vol. 3C 29.4.1: combined mappings).
            if (step.level < first || first == top) {
                if (!nested_tlb_.use(translation.guest_physical >> 12)) {
                    count(translation);
                    nested_tlb_.insert(translation.guest_physical >> 12);
                }
            }
            ++counts_.guest[static_cast<std::size_t>(step.level)];
        }
        // Where the data is goes into the TLB, with the rest of the way.
        count(stage_.translations[n]);
        first_stage_.remember(linear, top, walk.guest.trace.back().level);
        tlb_.insert(linear, walk.size);
    }

    const WalkCounts& counts() const { return counts_; }

    /// Forgets the counts, not what the caches hold.
    void start_counting() { counts_ = {}; }

  private:
    static constexpr paging::Access user_read{.type = paging::AccessType::read,
                                              .mode = paging::AccessMode::user};

    /// A guest-physical address that passed through the second stage, and the entries that it took.
    struct Translation {
        std::uint64_t guest_physical;
        std::size_t entries;
    };

    /// The second stage, with a note of each translation that is part of the walk itself.
    struct NotingStage {
        using Details = typename Stage::Details;

        Stage stage;
        mutable std::vector<Translation> translations;

        template <paging::EntryReader AnyReader>
        paging::SecondStageResult<Details> translate(AnyReader&& read,
                                                     paging::PhysAddr guest_physical,
                                                     paging::GuestPhysicalAccess access) const {
            std::size_t entries = 0;
            const auto counting = [&](paging::PhysAddr entry) {
                ++entries;
                return read(entry);
            };
            const auto result = stage.translate(counting, guest_physical, access);
            // Writes of accessed flags find their translation in the nested TLB.
            if (access.purpose != paging::AccessPurpose::table_update) {
                translations.push_back({guest_physical.raw(), entries});
            }
            return result;
        }
    };

    /// Counts the second stage's entries for one translation, but for those that are cached.
    void count(const Translation& translation) {
        if (translation.entries == 0) {
            return;
        }
        const auto top = static_cast<std::size_t>(second_stage_root_);
        const std::size_t leaf = top - translation.entries + 1;
        const auto first = static_cast<std::size_t>(
            second_stage_.first_level_read(translation.guest_physical, second_stage_root_));
        for (std::size_t level = std::min(first, top); level >= leaf; --level) {
            ++counts_.second_stage[level];
        }
        second_stage_.remember(translation.guest_physical, second_stage_root_,
                               static_cast<paging::Level>(leaf));
    }

    Reader reader_;
    NotingStage stage_;
    paging::Frame4k root_;
    paging::ControlState state_;
    paging::Level second_stage_root_;
    Tlb tlb_;
    PagingStructures first_stage_;
    PagingStructures second_stage_;
    LruSet nested_tlb_;
    WalkCounts counts_;
};

}  // namespace nestbed::vmm
