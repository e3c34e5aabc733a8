#include "vmm/machine/boot_tables.hpp"

#include "shared/channel/layout.hpp"
#include "shared/channel/test_memory.hpp"
#include "shared/paging/mapper.hpp"
#include "vmm/base/error.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

using paging::Flags;
using paging::Frame4k;
using paging::PageSize;
using paging::Permission;
using paging::PhysAddr;
using paging::VirtAddr;

using BootMapper = paging::Mapper<HostTableWindow, FrameCursor>;

/// With leaves of the size `leaf`, the last of which may reach beyond the end.
void map(BootMapper& mapper, std::uint64_t linear, std::uint64_t physical, std::uint64_t bytes,
         PageSize leaf, Flags flags) {
    const std::uint64_t page = paging::bytes_of(leaf);
    const paging::PageRange range{VirtAddr(linear), (bytes + page - 1) / page, leaf};
    const auto result = mapper.map_range(range, *Frame4k::from(PhysAddr(physical)), flags, leaf);
    if (!result) {
        throw_error(ErrorKind::usage,
                    "cannot map {} KiB from {:#x} on to {:#x} with leaves of {} KiB in the boot "
                    "page tables: {}",
                    bytes >> 10, linear, physical, page >> 10,
                    paging::name_of(result.error().kind));
    }
}

Flags flags_of(const Segment& segment) {
    Permission permission = Permission::read;
    if (segment.writable) {
        permission = permission | Permission::write;
    }
    if (segment.executable) {
        permission = permission | Permission::execute;
    }
    if (segment.user) {
        // Not global: a test that flushes an address space expects its user pages to go.
        return Flags(permission | Permission::user);
    }
    return Flags(permission).with_global();
}

constexpr std::size_t test_memory_index = channel::layout::test_memory >> 39 & 511;

}  // namespace

BootTables build_boot_tables(const GuestMemory& memory, FrameCursor& frames, const ElfImage& image,
                             const TestMemorySettings& test_memory) {
    const Frame4k root = *frames.allocate_zeroed();
    const HostTableWindow window(memory);
    BootMapper mapper({.root = root, .scope = paging::MapperScope::whole}, window, frames);
    map(mapper, channel::layout::direct_map, 0, memory.size(), PageSize::size_2m,
        Flags(Permission::read | Permission::write).with_global());
    for (const Segment& segment : image.segments()) {
        map(mapper, segment.virtual_address, segment.physical_address, segment.memory_size,
            PageSize::size_4k, flags_of(segment));
    }
    map(mapper, channel::layout::test_memory, channel::test_memory_physical, test_memory.bytes,
        test_memory.leaf, Flags(Permission::read | Permission::write | Permission::user));
    return {root, window(root)[0], window(root)[test_memory_index]};
}

}  // namespace nestbed::vmm
