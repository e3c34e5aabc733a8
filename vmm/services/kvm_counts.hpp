// What KVM did for one operation of a guest, by its own counters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nestbed::vmm {

struct KvmCount {
    std::string name;  ///< as KVM calls it, of the VM or of all vCPUs together
    /// What an operation's stretch counted in the mean, without what an empty one did. Negative if
    /// an empty one counted more: what the host does by itself is in both.
    double per_operation;
};

struct KvmCounts {
    std::uint64_t operations = 0;  ///< stretches with an operation in them
    std::uint64_t empty = 0;       ///< stretches without
    std::vector<KvmCount> counts;  ///< of the counters that moved; none without both kinds
    std::string problem;           ///< why KVM's counters could not be read, if so
};

}  // namespace nestbed::vmm
