// The tables as a guest finds them: from the RSDP on, each by its address, length and checksum.

#include "vmm/pc/acpi_tables.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/unit/nested/failure.hpp"
#include "tests/unit/pc/guest_bytes.hpp"

namespace nestbed::vmm {
namespace {

using test::bytes_at;
using test::u32_at;
using test::value_at;

class AcpiTablesTest : public testing::Test {
  protected:
    std::uint8_t sum(std::uint64_t address, std::uint64_t size) const {
        std::uint8_t sum = 0;
        for (const char byte : bytes_at(memory_, address, size)) {
            sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(byte));
        }
        return sum;
    }
    /// Looks as a guest does (5.2.5.1).
    std::uint64_t find_pointer() const {
        for (std::uint64_t address = 0xE'0000; address < 0x10'0000; address += 16) {
            if (bytes_at(memory_, address, 8) == "RSD PTR " && sum(address, 20) == 0) {
                return address;
            }
        }
        ADD_FAILURE() << "there is no RSDP";
        return 0;
    }
    std::uint8_t byte(std::uint64_t address) const {
        return value_at<std::uint8_t>(memory_, address);
    }
    void expect_table(std::uint64_t address, const std::string& signature,
                      std::uint32_t size) const {
        EXPECT_EQ(bytes_at(memory_, address, 4), signature);
        EXPECT_EQ(u32_at(memory_, address + 4), size) << signature;
        EXPECT_EQ(byte(address + 8), 1) << signature << ": revision";
        EXPECT_EQ(sum(address, size), 0) << signature << ": checksum";
        EXPECT_NE(byte(address + 9), 0) << signature << ": which is there";
        EXPECT_EQ(bytes_at(memory_, address + 10, 6), "NSTBED");
        EXPECT_GE(address, acpi::begin);
        EXPECT_LE(address + size, acpi::end);
    }
    std::uint64_t root() const { return u32_at(memory_, find_pointer() + 16); }
    std::uint64_t fixed() const { return u32_at(memory_, root() + 36); }
    std::uint64_t controllers() const { return u32_at(memory_, root() + 40); }

    GuestMemory memory_{map_backing({.kind = Backing::anon}, 2 << 20)};
};

TEST_F(AcpiTablesTest, ThePointerLeadsToTheRoot) {
    write_acpi_tables(memory_, 1);
    EXPECT_EQ(byte(find_pointer() + 15), 0) << "the first revision";
    expect_table(root(), "RSDT", 36 + 2 * 4);
    expect_table(fixed(), "FACP", 116);
    expect_table(controllers(), "APIC", 44 + 8 + 12);
}

TEST_F(AcpiTablesTest, TheFadtNamesPortsAndTables) {
    write_acpi_tables(memory_, 1);
    EXPECT_EQ(u32_at(memory_, fixed() + 36), acpi::firmware_control);
    expect_table(u32_at(memory_, fixed() + 40), "DSDT", 36);
    EXPECT_EQ(value_at<std::uint16_t>(memory_, fixed() + 46), 9);
    EXPECT_EQ(u32_at(memory_, fixed() + 48), 0U) << "ACPI is on, there is no SMI command";
    EXPECT_EQ(u32_at(memory_, fixed() + 56), acpi::event_port);
    EXPECT_EQ(u32_at(memory_, fixed() + 64), acpi::control_port);
    EXPECT_EQ(u32_at(memory_, fixed() + 76), acpi::timer_port);
    EXPECT_EQ(byte(fixed() + 88), 4) << "bytes of the event registers";
    EXPECT_EQ(byte(fixed() + 89), 2) << "control";
    EXPECT_EQ(byte(fixed() + 90), 0);
    EXPECT_EQ(byte(fixed() + 91), 4) << "timer";
    EXPECT_EQ(u32_at(memory_, fixed() + 112) & 1U << 8, 0U) << "of 24 bits";
}

TEST_F(AcpiTablesTest, TheFacsIsOn64BytesAndHasNoVectorYet) {
    write_acpi_tables(memory_, 1);
    const std::uint64_t control = u32_at(memory_, fixed() + 36);
    EXPECT_EQ(control % 64, 0U);
    EXPECT_EQ(bytes_at(memory_, control, 4), "FACS");
    EXPECT_EQ(u32_at(memory_, control + 4), 64U);
    EXPECT_EQ(acpi::waking_vector, control + 12);
    EXPECT_EQ(u32_at(memory_, acpi::waking_vector), 0U);
}

TEST_F(AcpiTablesTest, EachVcpuHasALocalApic) {
    for (const std::uint32_t cpus : {1U, 2U, 64U, 255U}) {
        memory_ = GuestMemory(map_backing({.kind = Backing::anon}, 2 << 20));
        write_acpi_tables(memory_, cpus);
        expect_table(root(), "RSDT", 36 + 2 * 4);
        expect_table(controllers(), "APIC", 44 + cpus * 8 + 12);
        EXPECT_EQ(u32_at(memory_, controllers() + 36), 0xFEE0'0000U);
        EXPECT_EQ(u32_at(memory_, controllers() + 40), 1U) << "there are PICs";
        std::uint64_t at = controllers() + 44;
        for (std::uint32_t cpu = 0; cpu < cpus; ++cpu, at += 8) {
            const auto id = static_cast<char>(cpu);
            EXPECT_EQ(bytes_at(memory_, at, 8),
                      (std::string{0, 8, id, id} + std::string("\1\0\0\0", 4)))
                << cpu;
        }
        EXPECT_EQ(byte(at), 1) << "I/O APIC";
        EXPECT_EQ(byte(at + 1), 12);
        EXPECT_EQ(byte(at + 2), cpus) << "an ID of its own";
        EXPECT_EQ(u32_at(memory_, at + 4), 0xFEC0'0000U);
        EXPECT_EQ(u32_at(memory_, at + 8), 0U);
    }
}

TEST_F(AcpiTablesTest, NoTableIsOverAnother) {
    write_acpi_tables(memory_, 255);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges{{find_pointer(), 20},
                                                                {acpi::firmware_control, 64}};
    for (const std::uint64_t table :
         {root(), fixed(), controllers(), std::uint64_t{u32_at(memory_, fixed() + 40)}}) {
        ranges.emplace_back(table, u32_at(memory_, table + 4));
    }
    std::ranges::sort(ranges);
    for (std::size_t n = 1; n < ranges.size(); ++n) {
        EXPECT_LE(ranges[n - 1].first + ranges[n - 1].second, ranges[n].first) << n;
    }
}

TEST_F(AcpiTablesTest, NeedMemoryBelow1Mib) {
    GuestMemory small(map_backing({.kind = Backing::anon}, 0xF'0000));
    EXPECT_THAT(test::failure_of([&] { write_acpi_tables(small, 1); }, ErrorKind::usage),
                testing::HasSubstr("there is no guest memory"));
}

}  // namespace
}  // namespace nestbed::vmm
