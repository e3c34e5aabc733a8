// The variable-length argument of the CPUID ioctls.
//
// <linux/kvm.h> declares struct kvm_cpuid2 with a flexible array whose C++ rendering in some kernel
// headers has an empty struct of size 1 in front. That changes the structure's size, and with it
// the ioctl numbers that encode it. So the header is spelled out here and the numbers are made from
// it.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace nestbed::kvm {

class CpuidList {
  public:
    struct Header {
        std::uint32_t count;
        std::uint32_t padding;
    };
    static_assert(sizeof(Header) == 8);

    static constexpr unsigned long get_supported = _IOWR(KVMIO, 0x05, Header);
    static constexpr unsigned long set = _IOW(KVMIO, 0x90, Header);

    /// Room for `capacity` entries.
    explicit CpuidList(std::size_t capacity)
        : bytes_(sizeof(Header) + capacity * sizeof(kvm_cpuid_entry2)) {
        header().count = static_cast<std::uint32_t>(capacity);
    }

    explicit CpuidList(std::span<const kvm_cpuid_entry2> entries) : CpuidList(entries.size()) {
        std::memcpy(bytes_.data() + sizeof(Header), entries.data(), entries.size_bytes());
    }

    void* argument() { return bytes_.data(); }

    std::vector<kvm_cpuid_entry2> entries() {
        std::vector<kvm_cpuid_entry2> result(header().count);
        std::memcpy(result.data(), bytes_.data() + sizeof(Header),
                    result.size() * sizeof(kvm_cpuid_entry2));
        return result;
    }

  private:
    Header& header() { return *reinterpret_cast<Header*>(bytes_.data()); }

    std::vector<std::byte> bytes_;
};

}  // namespace nestbed::kvm
