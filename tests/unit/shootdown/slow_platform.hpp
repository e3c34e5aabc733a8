// A platform whose targets answer one at a time, whenever the initiator waits: the slowest machine
// there is. Everything runs on one thread; the platform says which CPU it plays.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "shared/shootdown/cpu_set.hpp"
#include "shared/shootdown/request.hpp"

namespace nestbed::shootdown::test {

struct Space {
    CpuSet active;
    std::atomic<std::uint64_t> generation{0};
};

class SlowPlatform {
  public:
    using Space = test::Space;
    template <typename T>
    using Atomic = std::atomic<T>;
    static constexpr std::uint32_t max_cpus = 8;

    std::uint32_t cpu_count() const { return max_cpus; }
    void fence() const {}
    std::uint32_t current_cpu() const { return cpu_; }
    CpuSet active_cpus(const Space& space) const { return space.active; }
    void send_interrupt(CpuSet targets) {
        interrupted_ = CpuSet(interrupted_.bits() | targets.bits());
        targets.for_each([&](std::uint32_t cpu) { pending_.push_back(cpu); });
    }
    void send_nmi(CpuSet targets) {
        nmis_ = CpuSet(nmis_.bits() | targets.bits());
        targets.for_each([&](std::uint32_t cpu) { pending_.push_back(cpu); });
    }
    void invalidate(const Space& space, const Request& request) {
        if (space.active.contains(cpu_)) {
            invalidate_always(request);
        }
    }
    void invalidate_always(const Request& request) { invalidated_.push_back({cpu_, request}); }
    /// What is to happen `meanwhile`, else the handler of the CPU that was interrupted last.
    void pause() {
        if (!meanwhile_.empty()) {
            const std::function<void()> next = std::move(meanwhile_.front());
            meanwhile_.pop_front();
            next();
            return;
        }
        if (pending_.empty()) {
            throw std::logic_error("waits for ever");
        }
        const std::uint32_t cpu = pending_.back();
        pending_.pop_back();
        on(cpu, handler_);
    }
    std::atomic<std::uint64_t>& tlb_generation(Space& space) { return space.generation; }
    std::atomic<std::uint8_t>& preempted(std::uint32_t cpu) { return preempted_[cpu]; }
    void yield_to(std::uint32_t cpu) {
        yielded_to_ = CpuSet(yielded_to_.bits() | CpuSet::of(cpu).bits());
    }

    struct Invalidated {
        std::uint32_t cpu;
        Request request;
        friend bool operator==(const Invalidated&, const Invalidated&) = default;
    };

    void set_handler(std::function<void()> handler) { handler_ = std::move(handler); }
    /// Runs something as on this CPU.
    void on(std::uint32_t cpu, const std::function<void()>& something) {
        const std::uint32_t before = std::exchange(cpu_, cpu);
        something();
        cpu_ = before;
    }
    /// Has the next wait run this.
    void meanwhile(std::function<void()> something) { meanwhile_.push_back(std::move(something)); }

    /// In the order in which they came; forgets them.
    std::vector<Invalidated> take_invalidated() { return std::exchange(invalidated_, {}); }
    CpuSet interrupted() const { return interrupted_; }
    CpuSet nmis() const { return nmis_; }
    CpuSet yielded_to() const { return yielded_to_; }
    /// Whether nothing is left that was to happen.
    bool idle() const { return pending_.empty() && meanwhile_.empty(); }

  private:
    std::function<void()> handler_;
    std::deque<std::function<void()>> meanwhile_;
    std::uint32_t cpu_ = 0;
    std::vector<std::uint32_t> pending_;
    CpuSet interrupted_;
    CpuSet nmis_;
    CpuSet yielded_to_;
    std::atomic<std::uint8_t> preempted_[max_cpus] = {};
    std::vector<Invalidated> invalidated_;
};

inline const Request range(PageRange{paging::VirtAddr(0x5000), 3});
inline const Request other_range(PageRange{paging::VirtAddr(0x9000), 1});
inline const Request everything = [] {
    Request request;
    request.everything = true;
    return request;
}();

using Invalidations = std::vector<SlowPlatform::Invalidated>;

}  // namespace nestbed::shootdown::test
