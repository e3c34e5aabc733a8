// The `generation` protocol, after Linux (arch/x86/mm/tlb.c): a space counts its shootdowns, and
// each CPU knows up to which of them its TLB has come.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "platform.hpp"
#include "request_board.hpp"

namespace nestbed::shootdown {

template <typename P>
concept GenerationPlatform = Platform<P> && requires(P& platform, typename P::Space& space) {
    /// How often the space was shot at; 0 at first. The protocol counts.
    { platform.tlb_generation(space) } -> std::same_as<typename P::template Atomic<std::uint64_t>&>;
};

/// An initiator changes the tables, counts the space's generation up, and sends the request with
/// the number that it got. A CPU remembers a generation of the space that it has loaded: it holds
/// no translation that a shootdown up to that one took away. A target that
///   - has come as far as the request, or farther, has nothing to do: initiators that meet at one
///     target cost one invalidation;
///   - is one behind invalidates what the request says;
///   - is farther behind, since requests overtake each other, or since it was lazy, flushes
///     everything, and has then come as far as the space was before the flush.
/// What a CPU remembers may be too low, which costs a flush that was not needed, but never too
/// high. So `shoot` and `leave_lazy` may set it with interrupts on: where a handler came in between
/// and has set it higher, it is lowered again to what was true before.
///
/// Why no target is missed. Counting up is a locked instruction: the change to the tables comes
/// before it, the look at the active CPUs after it. A CPU that loads the space enters the set, then
/// reads the generation, then loads CR3 (`loading`).
///   - A shootdown that counted up before that read changed the tables before it too: the CPU walks
///     the new ones, and rightly takes itself to be as far.
///   - One that counted up later finds the CPU in the set: it is interrupted, and its generation is
///     lower than the request's, so that it does not skip it.
/// If it read after the CR3 load, a shootdown could count up in between, and the CPU, which may
/// have walked the old tables, would skip its request.
///
/// Lazy CPUs use no user page for a while, and are not interrupted: what is stale there is not
/// used. A CPU that leaves this state clears its flag, passes a full fence, and compares
/// generations; an initiator counts up, which is a full fence, and looks at the flag. Of these two
/// either the initiator finds the flag clear, and interrupts, or the CPU finds the new generation,
/// and flushes. But its page walker is not bound to what the CPU uses: a request that frees tables
/// goes to lazy CPUs too.
///
/// Requests go over a RequestBoard, which says why none is lost or overwritten and why nobody waits
/// for ever.
template <typename P>
requires GenerationPlatform<P>
class GenerationShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr GenerationShootdown(P& platform) : platform_(platform), board_(platform) {}

    /// Call it with interrupts on and after the tables were changed. When it returns, no CPU uses
    /// an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        // Sequentially consistent: also the fence between the change to the tables and the looks at
        // the active CPUs and at who is lazy.
        const std::uint64_t last =
            platform_.tlb_generation(space).fetch_add(1, std::memory_order_seq_cst);
        const Message message{&space, last + 1, request};
        catch_up(message);
        CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        if (!request.frees_tables) {
            targets = without_lazy(targets);
        }
        if (targets.empty()) {
            return;
        }
        board_.post(message, targets);
        platform_.send_interrupt(targets);
        board_.wait(targets);
    }

    /// On each target, with interrupts off.
    void handle_interrupt() {
        board_.answer([&](const Message& message, auto acknowledge) {
            catch_up(message);
            acknowledge();
        });
    }

    /// By a CPU that loads a space: with interrupts off, after it entered the set of active CPUs
    /// and before it loads CR3, which takes away what the TLB holds of other spaces.
    void loading(Space& space) {
        Cpu& cpu = cpus_[platform_.current_cpu()];
        cpu.space = &space;
        // Acquire: walks after it see the tables as of that generation.
        cpu.reached.store(platform_.tlb_generation(space).load(std::memory_order_acquire),
                          std::memory_order_relaxed);
    }

    /// From here until `leave_lazy` the calling CPU uses no user page and loads no space. It has
    /// one loaded. Interrupts may be on.
    void enter_lazy() {
        // Release: for whoever finds the flag, this CPU's accesses to user pages are over.
        cpus_[platform_.current_cpu()].lazy.store(true, std::memory_order_release);
    }

    /// Before the next use of a user page. Interrupts may be on.
    void leave_lazy() {
        Cpu& cpu = cpus_[platform_.current_cpu()];
        cpu.lazy.store(false, std::memory_order_relaxed);
        // The flag is clear for all before the generation is read: see above.
        platform_.fence();
        if (cpu.reached.load(std::memory_order_relaxed) !=
            platform_.tlb_generation(*cpu.space).load(std::memory_order_acquire)) {
            flush_everything(cpu);
        }
    }

  private:
    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    struct Message {
        Space* space = nullptr;
        std::uint64_t generation = 0;
        Request request{};
    };

    struct alignas(64) Cpu {
        // In lines of their own, since initiators read the flag and the CPU writes the other two.
        Atomic<bool> lazy{false};
        alignas(64) Space* space = nullptr;  ///< loaded last
        /// Its generation here. Only this CPU uses it, with and without interrupts on.
        Atomic<std::uint64_t> reached{0};
    };

    CpuSet without_lazy(CpuSet targets) const {
        CpuSet awake = targets;
        targets.for_each([&](std::uint32_t cpu) {
            // Acquire: pairs with the release in enter_lazy.
            if (cpus_[cpu].lazy.load(std::memory_order_acquire)) {
                awake = awake.without(cpu);
            }
        });
        return awake;
    }

    /// Brings the calling CPU at least to the message's generation.
    void catch_up(const Message& message) {
        Cpu& cpu = cpus_[platform_.current_cpu()];
        if (cpu.space != message.space) {
            return;
        }
        const std::uint64_t reached = cpu.reached.load(std::memory_order_relaxed);
        if (reached >= message.generation) {
            return;
        }
        if (reached + 1 == message.generation) {
            platform_.invalidate(*message.space, message.request);
            cpu.reached.store(message.generation, std::memory_order_relaxed);
        } else {
            flush_everything(cpu);
        }
    }

    void flush_everything(Cpu& cpu) {
        Request everything;
        everything.everything = true;
        // Before the flush: what is counted after it may leave something to invalidate. Acquire:
        // walks after the flush see the tables as of that generation.
        const std::uint64_t now =
            platform_.tlb_generation(*cpu.space).load(std::memory_order_acquire);
        platform_.invalidate(*cpu.space, everything);
        cpu.reached.store(now, std::memory_order_relaxed);
    }

    P& platform_;
    Cpu cpus_[P::max_cpus];
    RequestBoard<P, Message> board_;
};

}  // namespace nestbed::shootdown
