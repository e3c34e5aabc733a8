// What KVM's counters did over the stretches that a guest marks (channel::StretchMark).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/kvm/statistics.hpp"
#include "vmm/services/kvm_counts.hpp"

namespace nestbed::vmm {

class StretchCounter {
  public:
    /// `sources` are a VM's counters and those of all its vCPUs; without any, stretches are checked
    /// and nothing is counted.
    explicit StretchCounter(std::vector<kvm::Statistics> sources = {});

    /// A value that the guest wrote to `port::statistics`. Returns what is wrong with it, if
    /// anything. Any thread may call it, for a vCPU that waits: nothing is allocated, and nobody
    /// waits for another. A guest marks from one vCPU at a time; what it does otherwise is wrong.
    std::optional<std::string_view> mark(std::uint32_t value);

    bool has_counters() const { return !names_.empty(); }

    /// Of all stretches that have ended; when no vCPU runs any more.
    KvmCounts counts() const;

  private:
    enum Kind : std::size_t { empty, operation };
    struct Totals {
        std::uint64_t stretches = 0;
        std::vector<std::uint64_t> counts;  ///< one per name, of differences
    };

    std::optional<std::string_view> mark_alone(std::uint32_t value);
    std::optional<std::string_view> begin(Kind kind);
    std::optional<std::string_view> end(Kind kind);
    void read(std::vector<std::uint64_t>& sums);

    /// A source's counters, and where in `names_` each one is added.
    struct Source {
        kvm::Statistics statistics;
        std::vector<std::size_t> places;
    };

    std::vector<std::string> names_;
    std::vector<Source> sources_;
    std::atomic<bool> marking_{false};   // claimed by whoever uses what is below
    std::optional<Kind> open_;           // the stretch that has begun
    std::vector<std::uint64_t> start_;   // one per name, when it began
    std::vector<std::uint64_t> now_;     // one per name
    std::vector<std::uint64_t> values_;  // of one source
    std::array<Totals, 2> totals_;
};

}  // namespace nestbed::vmm
