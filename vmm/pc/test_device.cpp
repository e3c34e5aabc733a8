#include "vmm/pc/test_device.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace nestbed::vmm {

namespace {

constexpr std::uint16_t kept_port = 0xE0;
constexpr std::uint16_t flush_port = 0xE4;
constexpr std::uint16_t kept_byte_port = 0xE8;
constexpr std::uint16_t first_line_port = 0x2000;
constexpr std::uint16_t lines = 24;  // of the I/O APIC
constexpr std::uint64_t io_memory = 0xFF00'0000;

}  // namespace

void TestDevice::register_in(ExitTable& exits) {
    exits.add_ports(kept_port, static_cast<std::uint16_t>(port_.size()),
                    [this](const Access& access) { return access_kept(access, port_, kept_port); });
    exits.add_port(kept_byte_port, [this](const Access& access) {
        return access_kept(access, byte_port_, kept_byte_port);
    });
    exits.add_memory(io_memory, io_memory + io_memory_.size(), [this](const Access& access) {
        return access_kept(access, io_memory_, io_memory);
    });
    exits.add_ports(flush_port, 4, [this](const Access& access) { return flush_page(access); });
    exits.add_ports(first_line_port, lines, [this](const Access& access) -> Answer {
        if (!access.is_write) {
            return access.put(~std::uint64_t{0});
        }
        vm_.set_interrupt_line(static_cast<std::uint32_t>(access.address - first_line_port),
                               access.value() != 0);
        return std::nullopt;
    });
}

template <std::size_t size>
Answer TestDevice::access_kept(const Access& access, std::array<std::byte, size>& kept,
                               std::uint64_t first) {
    const std::lock_guard lock(mutex_);
    const std::size_t offset = access.address - first;
    const std::size_t count = std::min(access.data.size(), size - offset);
    if (access.is_write) {
        std::memcpy(kept.data() + offset, access.data.data(), count);
    } else {
        std::memset(access.data.data(), 0xFF, access.data.size());
        std::memcpy(access.data.data(), kept.data() + offset, count);
    }
    return std::nullopt;
}

/// KVM has to forget its translations of the page.
Answer TestDevice::flush_page(const Access& access) const {
    constexpr std::uint64_t page = 4096;
    if (!access.is_write) {
        return access.put(~std::uint64_t{0});
    }
    std::byte* const host = memory_.at(access.value() & ~(page - 1), page);
    if (host == nullptr) {
        return std::nullopt;  // no memory is there
    }
    if (::mprotect(host, page, PROT_NONE) != 0 ||
        ::mprotect(host, page, PROT_READ | PROT_WRITE) != 0) {
        return access.end(Ending::host_error,
                          fmt::format("cannot take a page of memory away and give it back: {}",
                                      std::strerror(errno)));
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
