// The `paravirtual` protocol, after Linux's kvm_flush_tlb_multi (arch/x86/kernel/kvm.c): a CPU that
// the hypervisor has descheduled is not interrupted; the hypervisor flushes for it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "platform.hpp"
#include "request_board.hpp"

namespace nestbed::shootdown {

/// Bits of `preempted` in `struct kvm_steal_time` (Linux, arch/x86/include/uapi/asm/kvm_para.h).
inline constexpr std::uint8_t kvm_vcpu_preempted = 1;  ///< KVM: it does not run
inline constexpr std::uint8_t kvm_vcpu_flush_tlb = 2;  ///< the guest: flush before it runs again

template <typename P>
concept ParavirtualPlatform = Platform<P> && requires(P& platform, std::uint32_t cpu) {
    /// The byte by which hypervisor and guest speak of a CPU. Before the CPU runs again the
    /// hypervisor exchanges it for 0, and flushes all its translations if it had both bits. It
    /// stays 0 where the hypervisor has no such service (KVM_FEATURE_PV_TLB_FLUSH).
    { platform.preempted(cpu) } -> std::same_as<typename P::template Atomic<std::uint8_t>&>;
    /// Gives what is left of the caller's time to this CPU, if it is descheduled
    /// (KVM_HC_SCHED_YIELD); or does nothing.
    {platform.yield_to(cpu)};
};

/// The scoreboard, but for targets that are descheduled, which could answer only when they run
/// again. The initiator asks the hypervisor to flush what such a CPU has before it runs, and does
/// not wait.
///
/// Why that is enough. The initiator sets the flush bit by a locked instruction that succeeds only
/// if the CPU is still marked as descheduled; the hypervisor takes both bits by one as well. Of
/// these two one comes first:
///   - the initiator's: the hypervisor finds the bit and flushes. Until then the CPU neither runs
///     nor walks; after, it walks the new tables, since they were changed before the bit was set;
///   - the hypervisor's: the initiator's fails, and the CPU is interrupted as any other.
/// The hypervisor's flush takes the paging-structure caches along, so that it serves requests that
/// free tables as well. That is for the processor's walks. Software that was descheduled amid a
/// walk of its own goes on with it, interrupts off or not: it holds the lock, or is in a
/// WalkerEpoch.
///
/// Why no target is missed: as in BasicMailboxShootdown. Requests go over a RequestBoard, which
/// says why none is lost or overwritten and why nobody waits for ever; a target that is descheduled
/// after it was looked at answers when it runs again.
template <typename P>
requires ParavirtualPlatform<P>
class ParavirtualShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr ParavirtualShootdown(P& platform) : platform_(platform), board_(platform) {}

    /// Call it with interrupts on and after the tables were changed. When it returns, no CPU uses
    /// an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        platform_.invalidate(space, request);
        // The change to the tables before this, the look at the active CPUs after it.
        platform_.fence();
        const CpuSet targets =
            without_descheduled(platform_.active_cpus(space).without(platform_.current_cpu()));
        if (targets.empty()) {
            return;
        }
        board_.post({&space, request}, targets);
        platform_.send_interrupt(targets);
        targets.for_each([&](std::uint32_t cpu) {
            if (!board_.is_done(cpu)) {
                platform_.yield_to(cpu);
            }
        });
        board_.wait(targets);
    }

    /// On each target, with interrupts off.
    void handle_interrupt() {
        board_.answer([&](const Message& message, auto acknowledge) {
            platform_.invalidate(*message.space, message.request);
            acknowledge();
        });
    }

  private:
    struct Message {
        Space* space = nullptr;
        Request request{};
    };

    /// Has the hypervisor flush for those that do not run; returns the others.
    CpuSet without_descheduled(CpuSet targets) {
        CpuSet running = targets;
        targets.for_each([&](std::uint32_t cpu) {
            if (flush_if_descheduled(cpu)) {
                running = running.without(cpu);
            }
        });
        return running;
    }

    bool flush_if_descheduled(std::uint32_t cpu) {
        auto& preempted = platform_.preempted(cpu);
        // Relaxed: what counts is what the locked instruction finds.
        std::uint8_t state = preempted.load(std::memory_order_relaxed);
        // Release: for the change to the tables. Acquire: the CPU's accesses until it was
        // descheduled are over.
        return (state & kvm_vcpu_preempted) != 0 &&
               preempted.compare_exchange_strong(
                   state, static_cast<std::uint8_t>(state | kvm_vcpu_flush_tlb),
                   std::memory_order_acq_rel);
    }

    P& platform_;
    RequestBoard<P, Message> board_;
};

}  // namespace nestbed::shootdown
