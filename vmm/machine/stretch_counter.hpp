// What KVM's counters did over the stretches that a guest marks (channel::StretchMark).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vmm/kvm/statistics.hpp"
#include "vmm/machine/kvm_counts.hpp"

namespace nestbed::vmm {

class StretchCounter {
  public:
    /// `sources` are a VM's counters and those of all its vCPUs; without any, stretches are checked
    /// and nothing is counted.
    explicit StretchCounter(std::vector<kvm::Statistics> sources = {});

    /// A value that the guest wrote to `port::statistics`. Returns what is wrong with it, if
    /// anything. Any thread may call it: that a guest marks from one vCPU at a time is not relied
    /// upon.
    std::optional<std::string> mark(std::uint32_t value);

    bool has_counters() const { return !names_.empty(); }

    /// Of all stretches that have ended.
    KvmCounts counts() const;

  private:
    enum Kind : std::size_t { empty, operation };
    struct Totals {
        std::uint64_t stretches = 0;
        std::vector<std::uint64_t> counts;  ///< one per name, of differences
    };

    std::vector<std::uint64_t> read() const;
    std::optional<std::string> begin(Kind kind);
    std::optional<std::string> end(Kind kind);

    /// A source's counters, and where in `names_` each one is added.
    struct Source {
        kvm::Statistics statistics;
        std::vector<std::size_t> places;
    };

    std::vector<std::string> names_;
    std::vector<Source> sources_;
    mutable std::mutex mutex_;
    std::optional<Kind> open_;          // guarded by mutex_, as all below
    std::vector<std::uint64_t> start_;  // of the open stretch
    std::array<Totals, 2> totals_;
};

}  // namespace nestbed::vmm
