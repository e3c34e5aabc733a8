#include "vmm/pc/acpi_tables.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint32_t local_apic = 0xFEE0'0000;
constexpr std::uint32_t io_apic = 0xFEC0'0000;

/// Little-endian fields one behind the other, and zeroes up to a place.
class Bytes {
  public:
    template <typename T>
    Bytes& add(T value) {
        std::array<char, sizeof value> bytes{};
        std::memcpy(bytes.data(), &value, sizeof value);
        text_.append(bytes.data(), bytes.size());
        return *this;
    }
    Bytes& add_text(std::string_view text) {
        text_ += text;
        return *this;
    }
    Bytes& up_to(std::size_t offset) {
        text_.resize(offset, '\0');
        return *this;
    }
    void set(std::size_t offset, std::uint32_t value) {
        std::memcpy(text_.data() + offset, &value, sizeof value);
    }
    /// Makes the sum of bytes [0, count) zero by the one at `offset`.
    void check(std::size_t offset, std::size_t count) {
        std::uint8_t sum = 0;
        for (const char byte : std::string_view(text_).substr(0, count)) {
            sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(byte));
        }
        text_[offset] = static_cast<char>(-sum);
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

/// With the header of 5.2.6, whose length and checksum end_table() knows.
Bytes begin_table(std::string_view signature, std::uint8_t revision) {
    Bytes table;
    table.add_text(signature).add(std::uint32_t{0}).add(revision).add(std::uint8_t{0});
    table.add_text("NSTBED").add_text("NESTBED ").add(std::uint32_t{1});
    table.add_text("NEST").add(std::uint32_t{1});
    return table;
}

void end_table(Bytes& table) {
    constexpr std::size_t length_at = 4;
    constexpr std::size_t checksum_at = 9;
    table.set(length_at, static_cast<std::uint32_t>(table.text().size()));
    table.check(checksum_at, table.text().size());
}

void put(GuestMemory& memory, std::uint64_t address, const Bytes& table) {
    std::byte* const destination = memory.at(address, table.text().size());
    if (destination == nullptr || address + table.text().size() > acpi::end) {
        throw_error(ErrorKind::usage, "there is no guest memory at {:#x} for ACPI tables", address);
    }
    std::memcpy(destination, table.text().data(), table.text().size());
}

std::uint32_t low(std::uint64_t address) { return static_cast<std::uint32_t>(address); }

/// 5.2.9.
Bytes fixed_description(std::uint64_t differentiated) {
    constexpr std::size_t sci_at = 46;
    constexpr std::size_t event_block_at = 56;
    constexpr std::size_t control_block_at = 64;
    constexpr std::size_t timer_block_at = 76;
    constexpr std::size_t lengths_at = 88;
    constexpr std::size_t size = 116;  // of revision 1
    constexpr std::uint16_t system_control_interrupt = 9;
    Bytes table = begin_table("FACP", 1);
    table.add(low(acpi::firmware_control)).add(low(differentiated));
    table.up_to(sci_at).add(system_control_interrupt);
    table.up_to(event_block_at).add(std::uint32_t{acpi::event_port});
    table.up_to(control_block_at).add(std::uint32_t{acpi::control_port});
    table.up_to(timer_block_at).add(std::uint32_t{acpi::timer_port});
    table.up_to(lengths_at).add(std::uint8_t{4}).add(std::uint8_t{2});
    table.add(std::uint8_t{0}).add(std::uint8_t{4}).up_to(size);
    end_table(table);
    return table;
}

/// 5.2.12: a local APIC for each vCPU, and the I/O APIC.
Bytes interrupt_controllers(std::uint32_t cpus) {
    Bytes table = begin_table("APIC", 1);
    table.add(local_apic).add(std::uint32_t{1});
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
        const auto id = static_cast<std::uint8_t>(cpu);
        table.add(std::uint8_t{0}).add(std::uint8_t{8}).add(id).add(id).add(std::uint32_t{1});
    }
    table.add(std::uint8_t{1}).add(std::uint8_t{12}).add(static_cast<std::uint8_t>(cpus));
    table.add(std::uint8_t{0}).add(io_apic).add(std::uint32_t{0});
    end_table(table);
    return table;
}

}  // namespace

void write_acpi_tables(GuestMemory& memory, std::uint32_t cpus) {
    constexpr std::uint64_t differentiated = acpi::begin + 0x200;
    constexpr std::uint64_t fixed = acpi::begin + 0x300;
    constexpr std::uint64_t controllers = acpi::begin + 0x400;
    constexpr std::uint64_t roots = acpi::begin + 0x1000;

    Bytes empty = begin_table("DSDT", 1);
    end_table(empty);
    put(memory, differentiated, empty);
    put(memory, fixed, fixed_description(differentiated));
    put(memory, controllers, interrupt_controllers(cpus));

    constexpr std::uint32_t control_size = 64;
    Bytes control;
    control.add_text("FACS").add(control_size).up_to(control_size);
    put(memory, acpi::firmware_control, control);

    Bytes root = begin_table("RSDT", 1);
    root.add(low(fixed)).add(low(controllers));
    end_table(root);
    put(memory, roots, root);

    constexpr std::size_t checksum_at = 8;
    constexpr std::size_t checked = 20;  // of the pointer's first version
    Bytes pointer;
    pointer.add_text("RSD PTR ").add(std::uint8_t{0}).add_text("NSTBED").add(std::uint8_t{0});
    pointer.add(low(roots));
    pointer.check(checksum_at, checked);
    put(memory, acpi::begin, pointer);
}

}  // namespace nestbed::vmm
