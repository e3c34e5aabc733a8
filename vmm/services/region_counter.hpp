// What KVM's counters did over the regions that a guest marks (channel::RegionMark).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/kvm/statistics.hpp"
#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

struct KvmCount {
    std::string name;  ///< as KVM calls it, of the VM or of all vCPUs together
    /// What a region with an operation counted in the mean, without what an empty one did. Negative
    /// if an empty one counted more: what the host does by itself is in both.
    double per_operation;
};

struct KvmCounts {
    std::uint64_t operations = 0;  ///< regions with an operation in them
    std::uint64_t empty = 0;       ///< regions without
    std::vector<KvmCount> counts;  ///< of the counters that moved; none without both kinds
    std::string problem;           ///< why KVM's counters could not be read, if so
};

class RegionCounter {
  public:
    /// `sources` are a VM's counters and its vCPUs'; without any, regions are checked only.
    explicit RegionCounter(std::vector<kvm::Statistics> sources = {});

    /// Registers `port::statistics`. A guest marks from one vCPU at a time.
    void register_in(ExitTable& exits);

    /// A value that the guest wrote there. Returns what is wrong with it; else allocates nothing.
    std::optional<std::string> mark(std::uint32_t value);

    bool has_counters() const { return !names_.empty(); }

    /// Of all regions that have ended; when no vCPU runs any more.
    KvmCounts counts() const;

  private:
    enum Kind : std::size_t { empty, operation };
    struct Totals {
        std::uint64_t regions = 0;
        std::vector<std::uint64_t> counts;  ///< one per name, of differences
    };

    std::optional<std::string> begin(Kind kind);
    std::optional<std::string> end(Kind kind);
    void read(std::span<std::uint64_t> counts) const;

    std::vector<kvm::Statistics> sources_;
    std::vector<std::string> names_;
    std::vector<std::size_t> name_of_;  // one per counter of all sources: its name's in names_
    std::optional<Kind> open_;          // the region that has begun
    std::vector<std::uint64_t> start_;  // one per counter, when it began
    std::vector<std::uint64_t> now_;    // one per counter
    std::array<Totals, 2> totals_;
};

}  // namespace nestbed::vmm
