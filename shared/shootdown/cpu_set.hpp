// A set of CPUs.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace nestbed::shootdown {

/// CPUs 0 to 63, one bit each.
class CpuSet {
  public:
    constexpr CpuSet() = default;
    constexpr explicit CpuSet(std::uint64_t bits) : bits_(bits) {}

    static constexpr CpuSet of(std::uint32_t cpu) { return CpuSet(std::uint64_t{1} << cpu); }

    constexpr std::uint64_t bits() const { return bits_; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr bool contains(std::uint32_t cpu) const { return (bits_ >> cpu & 1) != 0; }
    constexpr CpuSet without(std::uint32_t cpu) const { return CpuSet(bits_ & ~of(cpu).bits_); }

    /// How many. Not std::popcount, which becomes a library call where POPCNT may not be used.
    constexpr std::uint32_t size() const {
        std::uint32_t count = 0;
        for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
            ++count;
        }
        return count;
    }

    /// Calls `function(cpu)` for each CPU, lowest first.
    template <typename Function>
    constexpr void for_each(Function&& function) const {
        for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
            function(static_cast<std::uint32_t>(std::countr_zero(rest)));
        }
    }

    friend constexpr bool operator==(CpuSet, CpuSet) = default;

  private:
    std::uint64_t bits_ = 0;
};

/// A set that CPUs enter and leave by themselves while others look. `Atomic` is std::atomic, or
/// what stands for it in a simulated machine.
///
/// All three are sequentially consistent, since the set is one half of a handshake whose other half
/// is the page tables: a CPU that enters and then walks them, and an initiator that changes them
/// and then looks, must not both miss the other. See ActiveSpaces.
template <template <typename> typename Atomic>
class BasicAtomicCpuSet {
  public:
    void insert(std::uint32_t cpu) { bits_.fetch_or(CpuSet::of(cpu).bits()); }
    void erase(std::uint32_t cpu) { bits_.fetch_and(~CpuSet::of(cpu).bits()); }
    CpuSet load() const { return CpuSet(bits_.load()); }

  private:
    Atomic<std::uint64_t> bits_{0};
};

using AtomicCpuSet = BasicAtomicCpuSet<std::atomic>;

}  // namespace nestbed::shootdown
