// The proof that goes with every shootdown: CPUs that read the pages and judge what they see.
//
// Each initiator has a range of pages of its own. Every page of it holds its generation: a number
// that grows with each remapping. For generation g the initiator
//     1. writes g into frames that no page maps,
//     2. maps the pages to these frames,               (then announces `changed` = g)
//     3. has a protocol shoot the old translations down,
//     4. writes `poison` into the old frames, as a new owner of them would,
//     5. announces `completed` = g,
//     6. waits until every reader has judged g: read every page in a pass that began after 5.
// A reader takes `completed` and `changed`, then reads a page. It must not see a generation below
// `completed`, nor ever poison: that is a stale translation used after the shootdown was over. A
// generation below `changed` before completion is allowed, and counted as an observation.
//
// Why a correct protocol never trips it: a reader that took `completed` = g by an acquire load
// reads the page after step 5, so after its own CPU's invalidation, through the tables of step 2 or
// later ones. Why a missing invalidation of any page does, if its translation stays cached: the
// pass of step 6 reads every page while the old frames hold poison.
//
// What no reader can see: a handler that acknowledges before it invalidates, since the reader on
// that CPU cannot run in between.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "shared/channel/abi.hpp"
#include "shared/study/shootdown_axes.hpp"

namespace nestbed::guest {

using study::max_initiators;
using study::TargetState;

inline constexpr std::uint64_t poison = ~std::uint64_t{0};

/// What an initiator tells the readers of its range. In the user image, for readers in user mode.
struct Announcement {
    alignas(64) std::atomic<std::uint64_t> changed;
    alignas(64) std::atomic<std::uint64_t> completed;
    std::uint64_t first_page;  ///< address
    std::uint64_t pages;
};

/// One CPU's reader.
struct alignas(64) Reader {
    std::atomic<std::uint64_t> reads;
    std::atomic<std::uint64_t> violations;   ///< stale after completion
    std::atomic<std::uint64_t> stale_reads;  ///< stale before completion, as it may be
    std::uint32_t first_range;               ///< those that it reads
    std::uint32_t ranges;
    /// By range: the last generation that a whole pass looked for.
    std::atomic<std::uint64_t> judged[max_initiators];
};

extern std::array<Announcement, max_initiators> announcements;  ///< by initiator
extern std::array<Reader, channel::max_cpus> readers;           ///< by CPU

/// What a protocol asks of the CPUs that take part.
struct TargetHooks {
    void (*poll)();  ///< over and over, while a CPU waits in kernel mode
    void (*enter_lazy)();
    void (*leave_lazy)();
};

/// Reads on the calling CPU until the readers are stopped. The address space must be loaded.
/// Whatever the state, each generation is judged by a pass in user mode: where kernel mode is
/// interpreted, only user mode reads through a TLB.
void read_until_stopped(TargetState state, const TargetHooks& hooks);

/// One pass on the calling CPU, in user mode.
void read_once();

/// Whether a CPU in this state comes past its `poll` by itself.
bool polls(TargetState state);

/// Waits until the readers on CPUs `first` to `end`-1 that read the range have judged `generation`,
/// and leaves each with a translation of every page and in its state. A reader that has seen a
/// violation is not waited for: it may see the old page for ever.
struct Judgement {
    std::uint32_t range;
    std::uint64_t generation;
    std::uint32_t first;
    std::uint32_t end;
};
void wait_for(const Judgement& judgement, TargetState state, const TargetHooks& hooks);

/// Lets targets that were interrupted, or have judged, come back into their state.
void let_targets_settle(TargetState state, const TargetHooks& hooks);

/// Has the readers on CPUs `first` to `end`-1 leave their loops.
void stop_readers(std::uint32_t first, std::uint32_t end);

}  // namespace nestbed::guest
