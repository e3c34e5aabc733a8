#include "vmm/machine/virtual_memory.hpp"

#include <algorithm>
#include <cstring>

#include "shared/paging/page_size.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/machine/table_window.hpp"

namespace nestbed::vmm {

std::optional<std::uint64_t> VirtualMemory::translate(std::uint64_t address) const {
    const paging::WindowReader reader{HostTableWindow(*memory_)};
    const paging::WalkResult result =
        paging::walk(reader, root_, address, paging::Access{},
                     {.la57 = root_level_ == paging::Level::pml5});
    if (result.outcome != paging::WalkOutcome::translated) {
        return std::nullopt;
    }
    return result.translation.address.raw();
}

bool VirtualMemory::copy(std::uint64_t address, std::span<std::byte> destination) const {
    constexpr std::uint64_t page = paging::bytes_of(paging::PageSize::size_4k);
    while (!destination.empty()) {
        const std::uint64_t in_page = page - address % page;
        const std::size_t count = std::min<std::size_t>(in_page, destination.size());
        const auto physical = translate(address);
        const std::byte* source = physical ? memory_->at(*physical, count) : nullptr;
        if (source == nullptr) {
            return false;
        }
        std::memcpy(destination.data(), source, count);
        destination = destination.subspan(count);
        address += count;
    }
    return true;
}

std::optional<std::string> VirtualMemory::read_string(std::uint64_t address,
                                                      std::size_t limit) const {
    std::string text;
    while (text.size() <= limit) {
        const auto byte = read<char>(address + text.size());
        if (!byte) {
            return std::nullopt;
        }
        if (*byte == '\0') {
            return text;
        }
        text.push_back(*byte);
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
