// KVM's own counters and gauges (KVM API documentation, 4.133: KVM_GET_STATS_FD).
//
// The file behind such a descriptor: a header, the file's id, descriptors of all statistics, and a
// data block of 64-bit values. Only the data change, so the rest is read once.
//
// <linux/kvm.h> ends its structures with flexible arrays whose C++ rendering has a size of its own
// (vcpu.hpp), so their layout is spelled out in statistics.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/descriptor.hpp"

namespace nestbed::kvm {

/// One value, and where it is.
struct Statistic {
    std::string name;
    std::uint64_t offset;  ///< in the file, bytes
    std::uint64_t value;   ///< when the file was read
};

/// Those of a type (KVM_STATS_TYPE_…) in such a file; histograms are left out. Throws Error for
/// anything that points outside `file`: a wrong count or offset would be read as another's value.
std::vector<Statistic> parse_statistics(std::uint32_t type, std::span<const std::byte> file);

/// Those of a VM or of a vCPU now; `fd` is of KVM_GET_STATS_FD. Throws Error if it cannot be read.
std::vector<Statistic> read_statistics(std::uint32_t type, const vmm::Descriptor& fd);

/// The counters of a VM or of a vCPU (KVM_STATS_TYPE_CUMULATIVE), which only ever grow.
class Statistics {
  public:
    /// As read_statistics.
    explicit Statistics(vmm::Descriptor fd);

    const std::vector<Statistic>& counters() const { return counters_; }

    /// The counters' values, in their order, into `values`, which has a place for each. One system
    /// call, and nothing is allocated; any thread may make it, whatever vCPUs do.
    void read(std::span<std::uint64_t> values) const;

  private:
    vmm::Descriptor fd_;
    std::vector<Statistic> counters_;
    std::uint64_t first_ = 0;  ///< offsets in the file: the bytes that hold all values
    std::uint64_t end_ = 0;
};

}  // namespace nestbed::kvm
