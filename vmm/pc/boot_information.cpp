#include "vmm/pc/boot_information.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <span>
#include <string>

#include "vmm/base/error.hpp"
#include "vmm/pc/acpi_tables.hpp"

namespace nestbed::vmm {

namespace {

// Below the end of what the firmware of a PC leaves to the guest, and out of the way of those that
// have trampolines for their application processors, or all of themselves, lower down.
constexpr std::uint32_t information_at = 0x9'0000;
constexpr std::uint32_t modules_at = information_at + 0x100;
constexpr std::uint32_t memory_map_at = information_at + 0x200;
constexpr std::uint32_t command_line_at = information_at + 0x1000;
constexpr std::uint32_t most_command_line = 0x1000;
constexpr std::uint32_t environment_at = command_line_at + most_command_line;
constexpr std::uint32_t most_environment = 0x4000;
constexpr std::uint32_t end_of_all = environment_at + most_environment;

constexpr std::uint32_t low_memory_end = 0xA'0000;  // 640 KiB
constexpr std::uint32_t first_mib = 0x10'0000;
static_assert(end_of_all <= low_memory_end);

/// All fields have 32 bits.
struct Information {
    std::uint32_t flags;
    std::uint32_t memory_below;  ///< KiB
    std::uint32_t memory_above;  ///< KiB, from 1 MiB to the first hole
    std::uint32_t boot_device;
    std::uint32_t command_line;
    std::uint32_t module_count;
    std::uint32_t modules;
    std::array<std::uint32_t, 4> symbols;
    std::uint32_t memory_map_bytes;
    std::uint32_t memory_map;
};
constexpr std::uint32_t has_memory = 1 << 0;
constexpr std::uint32_t has_command_line = 1 << 2;
constexpr std::uint32_t has_modules = 1 << 3;
constexpr std::uint32_t has_memory_map = 1 << 6;

struct Module {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t text;
    std::uint32_t reserved;
};

struct [[gnu::packed]] MemoryRange {
    std::uint32_t size_of_rest;
    std::uint64_t begin;
    std::uint64_t bytes;
    std::uint32_t type;
};
constexpr std::uint32_t available = 1;
constexpr std::uint32_t reserved = 2;

MemoryRange range(std::uint64_t begin, std::uint64_t end, std::uint32_t type) {
    return {sizeof(MemoryRange) - sizeof(std::uint32_t), begin, end - begin, type};
}

void put(GuestMemory& memory, std::uint64_t address, std::span<const std::byte> bytes,
         const std::string& what) {
    std::byte* const destination = memory.at(address, bytes.size());
    if (destination == nullptr) {
        throw_error(ErrorKind::usage,
                    "{}: {} bytes at physical {:#x} are outside the {} MiB of guest memory: give "
                    "it more with --memory",
                    what, bytes.size(), address, memory.size() >> 20);
    }
    std::ranges::copy(bytes, destination);
}

template <typename T>
void put_value(GuestMemory& memory, std::uint64_t address, const T& value) {
    put(memory, address, std::as_bytes(std::span(&value, 1)), "the boot information");
}

void put_text(GuestMemory& memory, std::uint32_t address, std::uint32_t most,
              const std::string& text, const char* what) {
    if (text.size() >= most) {
        throw_error(ErrorKind::usage, "{} of {} bytes: at most {} are possible", what, text.size(),
                    most - 1);
    }
    if (text.find('\0') != text.npos) {
        throw_error(ErrorKind::usage, "{} has a zero byte, where it would end", what);
    }
    put(memory, address, std::as_bytes(std::span(text.c_str(), text.size() + 1)), what);
}

void load(GuestMemory& memory, const MultibootImage& image) {
    const auto is_over = [](const PhysicalSegment& segment, std::uint64_t begin,
                            std::uint64_t end) {
        return segment.address < end && begin < segment.address + segment.size;
    };
    for (const PhysicalSegment& segment : image.segments()) {
        if (is_over(segment, information_at, end_of_all) ||
            is_over(segment, acpi::begin, acpi::end)) {
            throw_error(ErrorKind::input,
                        "{}: the segment at physical {:#x} is where the loader has what it tells "
                        "the guest ([{:#x}, {:#x}) and [{:#x}, {:#x}))",
                        image.name(), segment.address, information_at, end_of_all, acpi::begin,
                        acpi::end);
        }
        if (memory.at(segment.address, segment.size) == nullptr) {
            throw_error(ErrorKind::usage,
                        "{}: the segment at physical {:#x} ({} bytes) is outside the {} MiB of "
                        "guest memory: give it more with --memory",
                        image.name(), segment.address, segment.size, memory.size() >> 20);
        }
        put(memory, segment.address, segment.contents, image.name());
    }
}

std::string with_start_time(std::string command_line) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::string seconds =
        std::to_string(std::chrono::floor<std::chrono::seconds>(now).count());
    for (std::size_t at = 0; (at = command_line.find(start_time_mark, at)) != std::string::npos;) {
        command_line.replace(at, 1, seconds);
    }
    return command_line;
}

/// In order. Returns how many bytes it has.
std::uint32_t write_memory_map(GuestMemory& memory) {
    std::uint32_t bytes = 0;
    const auto add = [&](const MemoryRange& one) {
        put_value(memory, memory_map_at + bytes, one);
        bytes += sizeof one;
    };
    add(range(0, low_memory_end, available));
    add(range(acpi::begin, first_mib, reserved));
    add(range(first_mib, memory.size_below(), available));
    if (memory.size_above() != 0) {
        add(range(high_memory, high_memory + memory.size_above(), available));
    }
    return bytes;
}

}  // namespace

std::uint32_t load_multiboot(GuestMemory& memory, const MultibootImage& image,
                             const PcSettings& settings) {
    load(memory, image);
    write_acpi_tables(memory, settings.cpus);
    const std::string command_line =
        image.name() +
        (settings.command_line.empty() ? "" : " " + with_start_time(settings.command_line));
    put_text(memory, command_line_at, most_command_line, command_line, "the guest's command line");
    Information information{};
    information.flags = has_memory | has_command_line | has_memory_map;
    information.memory_below = low_memory_end >> 10;
    information.memory_above = static_cast<std::uint32_t>((memory.size_below() - first_mib) >> 10);
    information.command_line = command_line_at;
    information.memory_map_bytes = write_memory_map(memory);
    information.memory_map = memory_map_at;
    if (!settings.environment.empty()) {
        put_text(memory, environment_at, most_environment, settings.environment,
                 "the guest's environment");
        const auto size = static_cast<std::uint32_t>(settings.environment.size());
        put_value(memory, modules_at, Module{environment_at, environment_at + size, 0, 0});
        information.flags |= has_modules;
        information.module_count = 1;
        information.modules = modules_at;
    }
    put_value(memory, information_at, information);
    return information_at;
}

}  // namespace nestbed::vmm
