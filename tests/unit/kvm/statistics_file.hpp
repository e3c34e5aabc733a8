// A file such as is behind KVM_GET_STATS_FD, made by hand: valid as it is, and every part of it can
// be spoiled.
#pragma once

#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "vmm/base/descriptor.hpp"

namespace nestbed::kvm::test {

class StatisticsFile {
  public:
    static constexpr std::uint32_t name_size = 24;
    static constexpr std::uint32_t descriptor_size = 16 + name_size;
    static constexpr std::uint32_t id_at = 24;
    static constexpr std::uint32_t descriptors_at = id_at + name_size;

    // Where the fields of the header are, for `put`.
    static constexpr std::size_t name_size_at = 4;
    static constexpr std::size_t count_at = 8;
    static constexpr std::size_t descriptors_field_at = 16;
    static constexpr std::size_t data_field_at = 20;

    /// Cumulative counters of these names, whose values are 10, 20, 30, …
    explicit StatisticsFile(const std::vector<std::string_view>& names)
        : count_(static_cast<std::uint32_t>(names.size())), bytes_(data_at() + 8 * names.size()) {
        put(name_size_at, name_size);
        put(count_at, count_);
        put(12, id_at);
        put(descriptors_field_at, descriptors_at);
        put(data_field_at, data_at());
        for (std::uint32_t n = 0; n < count_; ++n) {
            set_flags(n, KVM_STATS_TYPE_CUMULATIVE);
            put(descriptor(n) + 6, std::uint16_t{1});
            put(descriptor(n) + 8, 8 * n);
            std::memcpy(bytes_.data() + name_at(n), names[n].data(), names[n].size());
            set_value(n, 10 * (n + 1));
        }
    }

    std::size_t descriptor(std::uint32_t n) const { return descriptors_at + n * descriptor_size; }
    std::size_t name_at(std::uint32_t n) const { return descriptor(n) + 16; }
    std::uint32_t data_at() const { return descriptors_at + count_ * descriptor_size; }

    void set_flags(std::uint32_t n, std::uint32_t flags) { put(descriptor(n), flags); }
    void set_size(std::uint32_t n, std::uint16_t size) { put(descriptor(n) + 6, size); }
    void set_offset(std::uint32_t n, std::uint32_t offset) { put(descriptor(n) + 8, offset); }
    void set_value(std::uint32_t n, std::uint64_t value) { put(data_at() + 8 * n, value); }

    template <typename T>
    void put(std::size_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }

    std::vector<std::byte>& bytes() { return bytes_; }

    /// A descriptor whose file can be written again (`save`) while somebody else reads it.
    vmm::Descriptor open() {
        file_ = vmm::Descriptor(::memfd_create("statistics", MFD_CLOEXEC));
        save();
        return vmm::Descriptor(::dup(file_.get()));
    }
    void save() const {
        const ssize_t written = ::pwrite(file_.get(), bytes_.data(), bytes_.size(), 0);
        EXPECT_EQ(written, static_cast<ssize_t>(bytes_.size()));
    }

  private:
    std::uint32_t count_;
    std::vector<std::byte> bytes_;
    vmm::Descriptor file_{-1};
};

}  // namespace nestbed::kvm::test
