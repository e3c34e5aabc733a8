#include "vmm/memory/virtual_memory.hpp"

#include <algorithm>
#include <cstring>

#include "shared/paging/page_size.hpp"
#include "shared/paging/walk.hpp"

namespace nestbed::vmm {

std::span<const std::byte> VirtualMemory::piece(std::uint64_t address, std::size_t limit) const {
    const paging::WindowReader reader{HostTableWindow(*memory_)};
    const paging::WalkResult result = paging::walk(reader, root_, address, paging::Access{},
                                                   {.la57 = root_level_ == paging::Level::pml5});
    if (result.outcome != paging::WalkOutcome::translated) {
        return {};
    }
    constexpr std::uint64_t page = paging::bytes_of(paging::PageSize::size_4k);
    const std::size_t count = std::min<std::size_t>(page - address % page, limit);
    const std::byte* start = memory_->at(result.translation.address.raw(), count);
    return start == nullptr ? std::span<const std::byte>{} : std::span(start, count);
}

bool VirtualMemory::copy(std::uint64_t address, std::span<std::byte> destination) const {
    while (!destination.empty()) {
        const auto source = piece(address, destination.size());
        if (source.empty()) {
            return false;
        }
        std::memcpy(destination.data(), source.data(), source.size());
        destination = destination.subspan(source.size());
        address += source.size();
    }
    return true;
}

std::optional<std::string> VirtualMemory::read_string(std::uint64_t address,
                                                      std::size_t limit) const {
    std::string text;
    while (text.size() <= limit) {
        const auto source = piece(address + text.size(), limit + 1 - text.size());
        if (source.empty()) {
            return std::nullopt;
        }
        // A copy first: the guest may still write to the original.
        const std::string part(reinterpret_cast<const char*>(source.data()), source.size());
        const std::size_t length = part.find('\0');
        text.append(part, 0, length);
        if (length != std::string::npos) {
            return text;
        }
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
