#include "vmm/platform/guest_layout.hpp"

#include <algorithm>
#include <cstring>

#include "shared/channel/abi.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

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
        std::ranges::copy(segment.contents, destination);
    }
}

}  // namespace

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
    const BootTables tables = build_boot_tables(memory, frames, image, test_memory);
    SharedPages pages{.boot_info = frames.allocate(sizeof(channel::BootInfo)),
                      .rings = {},
                      .panic_reports = {},
                      .host_operation = frames.allocate(sizeof(channel::HostOperation)),
                      .boot_root = tables.root};
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
    boot.user_tables = tables.user_entry;
    boot.test_memory.tables = tables.test_memory_entry;
    boot.host_operation = in_direct_map<channel::HostOperation>(pages.host_operation);
    boot.free_memory = frames.next();
    boot.free_memory_end = memory.size();
    static_cast<void>(memory.write(pages.boot_info, boot));
    return pages;
}

}  // namespace nestbed::vmm
