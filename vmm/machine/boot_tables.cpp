#include "vmm/machine/boot_tables.hpp"

#include "shared/channel/layout.hpp"
#include "shared/channel/test_memory.hpp"
#include "shared/paging/mapper.hpp"
#include "vmm/base/error.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

namespace {

using paging::Flags;
using paging::Frame;
using paging::Page;
using paging::PageSize;
using paging::Permission;
using paging::PhysAddr;
using paging::VirtAddr;

using BootMapper = paging::Mapper<HostTableWindow, FrameCursor>;

template <PageSize size>
void map(BootMapper& mapper, std::uint64_t linear, std::uint64_t physical, Flags flags) {
    const auto result = mapper.map(*Page<size>::from(VirtAddr(linear)),
                                   *Frame<size>::from(PhysAddr(physical)), flags);
    if (!result) {
        throw_error(ErrorKind::usage, "cannot map {:#x} to {:#x} in the boot page tables: {}",
                    linear, physical, paging::name_of(result.error().kind));
    }
}

void map_direct(BootMapper& mapper, std::uint64_t memory_size) {
    const Flags flags = Flags(Permission::read | Permission::write).with_global();
    constexpr std::uint64_t step = paging::bytes_of(PageSize::size_2m);
    for (std::uint64_t physical = 0; physical < memory_size; physical += step) {
        map<PageSize::size_2m>(mapper, channel::layout::direct_map + physical, physical, flags);
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

void map_segment(BootMapper& mapper, const Segment& segment) {
    constexpr std::uint64_t step = paging::bytes_of(PageSize::size_4k);
    const Flags flags = flags_of(segment);
    for (std::uint64_t offset = 0; offset < segment.memory_size; offset += step) {
        map<PageSize::size_4k>(mapper, segment.virtual_address + offset,
                               segment.physical_address + offset, flags);
    }
}

void map_test_memory(BootMapper& mapper, const TestMemorySettings& test_memory) {
    const std::uint64_t leaf = paging::bytes_of(test_memory.leaf);
    const paging::PageRange range{VirtAddr(channel::layout::test_memory),
                                  (test_memory.bytes + leaf - 1) / leaf, test_memory.leaf};
    const Flags flags(Permission::read | Permission::write | Permission::user);
    const auto result = mapper.map_range(
        range, paging::Frame4k::at<channel::test_memory_physical>(), flags, test_memory.leaf);
    if (!result) {
        throw_error(ErrorKind::usage, "cannot map {} MiB of test memory with leaves of {} KiB: {}",
                    test_memory.bytes >> 20, leaf >> 10, paging::name_of(result.error().kind));
    }
}

constexpr std::size_t test_memory_index = channel::layout::test_memory >> 39 & 511;

}  // namespace

BootTables build_boot_tables(const GuestMemory& memory, FrameCursor& frames, const ElfImage& image,
                             const TestMemorySettings& test_memory) {
    const paging::Frame4k root = *frames.allocate_zeroed();
    const HostTableWindow window(memory);
    BootMapper mapper({.root = root, .scope = paging::MapperScope::whole}, window, frames);
    map_direct(mapper, memory.size());
    for (const Segment& segment : image.segments()) {
        map_segment(mapper, segment);
    }
    map_test_memory(mapper, test_memory);
    return {root, window(root)[0], window(root)[test_memory_index]};
}

}  // namespace nestbed::vmm
