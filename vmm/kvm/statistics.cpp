#include "vmm/kvm/statistics.hpp"

#include <linux/kvm.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "vmm/base/error.hpp"

namespace nestbed::kvm {

namespace {

using vmm::ErrorKind;
using vmm::throw_error;

/// struct kvm_stats_header.
struct Header {
    std::uint32_t flags;
    std::uint32_t name_size;
    std::uint32_t descriptor_count;
    std::uint32_t id_offset;
    std::uint32_t descriptor_offset;
    std::uint32_t data_offset;
};
static_assert(sizeof(Header) == 24);

/// struct kvm_stats_desc without its name, which follows.
struct DescriptorHead {
    std::uint32_t flags;
    std::int16_t exponent;
    std::uint16_t size;
    std::uint32_t offset;
    std::uint32_t bucket_size;
};
static_assert(sizeof(DescriptorHead) == 16);

/// A statistics file of today's has 4 KiB.
constexpr std::size_t most_bytes = 1 << 20;
/// Of the values in it, which are read onto the stack; today's take 1 KiB.
constexpr std::size_t most_value_bytes = 16 << 10;

template <typename T>
std::optional<T> value_at(std::span<const std::byte> file, std::uint64_t offset) {
    if (offset > file.size() || file.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

/// The zero-terminated name in a field of `size` bytes.
std::optional<std::string> name_at(std::span<const std::byte> file, std::uint64_t offset,
                                   std::uint64_t size) {
    if (offset > file.size() || file.size() - offset < size) {
        return std::nullopt;
    }
    const std::string_view field(reinterpret_cast<const char*>(file.data()) + offset, size);
    const std::size_t end = field.find('\0');
    return end == field.npos ? std::nullopt : std::optional(std::string(field, 0, end));
}

std::vector<std::byte> read_all(const vmm::Descriptor& fd) {
    std::vector<std::byte> file(most_bytes);
    const ssize_t size = ::pread(fd.get(), file.data(), file.size(), 0);
    if (size < 0) {
        throw_error(ErrorKind::kernel_refused, "cannot read KVM's statistics: {}",
                    std::strerror(errno));
    }
    file.resize(static_cast<std::size_t>(size));
    return file;
}

}  // namespace

std::vector<Statistic> parse_statistics(std::uint32_t type, std::span<const std::byte> file) {
    const auto header = value_at<Header>(file, 0);
    if (!header) {
        throw_error(ErrorKind::kernel_refused, "KVM's statistics: {} bytes are no header",
                    file.size());
    }
    // No product or sum of these overflows 64 bits: each factor has 32.
    const std::uint64_t stride = sizeof(DescriptorHead) + std::uint64_t{header->name_size};
    std::vector<Statistic> statistics;
    for (std::uint64_t n = 0; n < header->descriptor_count; ++n) {
        const std::uint64_t at = header->descriptor_offset + n * stride;
        const auto head = value_at<DescriptorHead>(file, at);
        const auto name = name_at(file, at + sizeof(DescriptorHead), header->name_size);
        if (!head || !name) {
            throw_error(ErrorKind::kernel_refused,
                        "KVM's statistics: descriptor {} of {} is not whole", n,
                        header->descriptor_count);
        }
        // A histogram has several.
        if ((head->flags & KVM_STATS_TYPE_MASK) != type || head->size != 1) {
            continue;
        }
        const std::uint64_t offset = std::uint64_t{header->data_offset} + head->offset;
        const auto value = value_at<std::uint64_t>(file, offset);
        if (!value) {
            throw_error(ErrorKind::kernel_refused,
                        "KVM's statistics: {} is at {}, and {} bytes are all", *name, offset,
                        file.size());
        }
        statistics.push_back({*name, offset, *value});
    }
    return statistics;
}

std::vector<Statistic> read_statistics(std::uint32_t type, const vmm::Descriptor& fd) {
    return parse_statistics(type, read_all(fd));
}

Statistics::Statistics(vmm::Descriptor fd)
    : fd_(std::move(fd)), counters_(read_statistics(KVM_STATS_TYPE_CUMULATIVE, fd_)) {
    if (!counters_.empty()) {
        const auto [least, greatest] =
            std::ranges::minmax_element(counters_, {}, &Statistic::offset);
        first_ = least->offset;
        end_ = greatest->offset + sizeof(std::uint64_t);
    }
    if (end_ - first_ > most_value_bytes) {
        throw_error(ErrorKind::kernel_refused, "KVM's statistics: {} bytes of values, more than {}",
                    end_ - first_, most_value_bytes);
    }
}

void Statistics::read(std::span<std::uint64_t> values) const {
    std::array<std::byte, most_value_bytes> buffer;  // NOLINT(*-member-init): filled by pread
    const std::span<std::byte> data = std::span(buffer).first(end_ - first_);
    const ssize_t size = ::pread(fd_.get(), data.data(), data.size(), static_cast<off_t>(first_));
    if (size != static_cast<ssize_t>(data.size())) {
        throw_error(ErrorKind::kernel_refused, "cannot read KVM's statistics: {}",
                    size < 0 ? std::strerror(errno) : "they have become shorter");
    }
    for (std::size_t n = 0; n < counters_.size(); ++n) {
        values[n] = *value_at<std::uint64_t>(data, counters_[n].offset - first_);
    }
}

}  // namespace nestbed::kvm
