#include "vmm/platform/guest_layout.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "shared/channel/abi.hpp"
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

/// Without the pages that are zero and so are what fresh memory is: that the host need not find a
/// page for each of them is worth more than looking at them costs.
void copy_to_fresh_memory(std::span<const std::byte> contents, std::byte* destination) {
    constexpr std::size_t page = paging::bytes_of(PageSize::size_4k);
    static constexpr std::array<std::byte, page> zeroes{};
    for (std::size_t done = 0; done < contents.size(); done += page) {
        const auto piece = contents.subspan(done, std::min(page, contents.size() - done));
        if (std::memcmp(piece.data(), zeroes.data(), piece.size()) != 0) {
            std::ranges::copy(piece, destination + done);
        }
    }
}

/// A segment but for `holes`, which are in order and on whole pages.
void map_around(BootMapper& mapper, const Segment& segment,
                const std::vector<AddressRange>& holes) {
    const std::uint64_t end = segment.virtual_address + segment.memory_size;
    std::uint64_t at = segment.virtual_address;
    const auto map_up_to = [&](std::uint64_t part_end) {
        if (at < part_end) {
            map(mapper, at, at - segment.virtual_address + segment.physical_address, part_end - at,
                PageSize::size_4k, flags_of(segment));
        }
    };
    for (const AddressRange& hole : holes) {
        if (hole.end > segment.virtual_address && hole.begin < end) {
            map_up_to(hole.begin);
            at = hole.end;
        }
    }
    map_up_to(end);
}

void load(GuestMemory& memory, const ElfImage& image) {
    for (const Segment& segment : image.segments()) {
        std::byte* destination = memory.at(segment.physical_address, segment.memory_size);
        if (destination == nullptr) {
            throw_error(
                ErrorKind::usage,
                "{}: the segment at {:#x} (physical {:#x}, {} bytes) is outside the {} MiB of "
                "guest memory: give it more with --memory",
                image.name(), segment.virtual_address, segment.physical_address,
                segment.memory_size, memory.size() >> 20);
        }
        copy_to_fresh_memory(segment.contents, destination);
    }
}

}  // namespace

std::uint64_t FrameCursor::allocate(std::uint64_t bytes) {
    constexpr std::uint64_t page = paging::bytes_of(PageSize::size_4k);
    const std::uint64_t start = next_;
    const std::uint64_t rounded = (bytes + page - 1) / page * page;
    if (memory_.at(start, rounded) == nullptr) {
        throw_error(ErrorKind::usage,
                    "{} MiB of guest memory are too little for this guest's image, page tables and "
                    "record rings: give it more with --memory",
                    memory_.size() >> 20);
    }
    next_ += rounded;
    return start;
}

Frame4k build_boot_tables(const GuestMemory& memory, FrameCursor& frames, const ElfImage& image,
                          std::uint32_t cpus, const TestMemorySettings& test_memory) {
    const Frame4k root = *frames.allocate_zeroed();
    BootMapper mapper({.root = root, .scope = paging::MapperScope::whole}, {memory}, frames);
    map(mapper, channel::layout::direct_map, 0, memory.size(), PageSize::size_2m,
        Flags(Permission::read | Permission::write).with_global());
    const std::vector<AddressRange> holes = image.stacks().unmapped(cpus);
    for (const Segment& segment : image.segments()) {
        map_around(mapper, segment, holes);
    }
    map(mapper, channel::layout::test_memory, channel::test_memory_physical, test_memory.bytes,
        test_memory.leaf, Flags(Permission::read | Permission::write | Permission::user));
    return root;
}

void add_parameters(channel::BootInfo& boot, const Parameters& parameters) {
    for (const auto& [name, value] : parameters) {
        if (boot.parameter_count == channel::max_boot_parameters ||
            name.size() >= sizeof boot.parameters[0].name) {
            throw_error(ErrorKind::usage,
                        "parameter {}: at most {} parameters with names of up to {} characters",
                        name, channel::max_boot_parameters, sizeof boot.parameters[0].name - 1);
        }
        channel::BootParameter& parameter = boot.parameters[boot.parameter_count++];
        std::memcpy(parameter.name, name.data(), name.size());
        parameter.value = value;
    }
}

SharedPages lay_out(GuestMemory& memory, const ElfImage& image, channel::BootInfo boot,
                    const TestMemorySettings& test_memory, std::uint32_t ring_records) {
    load(memory, image);
    FrameCursor frames(memory, image.physical_end());
    const Frame4k root = build_boot_tables(memory, frames, image, boot.cpu_count, test_memory);
    const std::uint64_t* const pml4 = HostTableWindow{memory}(root);
    SharedPages pages{.boot_info = frames.allocate(sizeof(channel::BootInfo)),
                      .rings = {},
                      .panic_reports = {},
                      .host_operation = frames.allocate(sizeof(channel::HostOperation)),
                      .boot_root = root};
    const std::uint64_t reports = frames.allocate(boot.cpu_count * sizeof(channel::PanicReport));
    for (std::uint32_t cpu = 0; cpu < boot.cpu_count; ++cpu) {
        const std::uint64_t report = reports + cpu * sizeof(channel::PanicReport);
        const std::uint64_t ring = frames.allocate(channel::ring_bytes(ring_records));
        static_cast<void>(memory.write(ring, channel::RingHeader{0, 0, ring_records}));
        boot.cpus[cpu] = {in_direct_map<channel::RingHeader>(ring),
                          in_direct_map<channel::PanicReport>(report)};
        pages.rings.push_back(ring);
        pages.panic_reports.push_back(report);
    }
    boot.magic = channel::boot_magic;
    boot.abi_version = channel::abi_version;
    boot.size = sizeof boot;
    boot.user_tables = pml4[0];
    boot.test_memory.tables = pml4[channel::layout::test_memory >> 39 & 511];
    boot.host_operation = in_direct_map<channel::HostOperation>(pages.host_operation);
    boot.free_memory = frames.next();
    boot.free_memory_end = memory.size();
    static_cast<void>(memory.write(pages.boot_info, boot));
    return pages;
}

}  // namespace nestbed::vmm
