#include "vmm/diagnose/symbols.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "shared/channel/layout.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"
#include "vmm/diagnose/backtrace.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

class GuestSymbols : public testing::Test {
  protected:
    GuestSymbols() : symbols_(test::builtin_guest("crash")) {
        const ElfImage image("crash", test::builtin_guest("crash"));
        entry_ = image.entry();
        for (const Segment& segment : image.segments()) {
            if (segment.executable && !segment.user) {
                text_ = segment.virtual_address;
                text_end_ = text_ + segment.contents.size();
            }
        }
    }

    std::optional<Symbol> function(const std::string& name) const {
        return test::find_function(symbols_, name, text_, text_end_);
    }

    Symbols symbols_;
    std::uint64_t entry_ = 0;
    std::uint64_t text_ = 0;
    std::uint64_t text_end_ = 0;
};

TEST_F(GuestSymbols, AssemblyHasSymbolsAndLines) {
    ASSERT_TRUE(symbols_.function_at(entry_));
    EXPECT_EQ(symbols_.function_at(entry_)->name, "guest_entry");
    EXPECT_EQ(symbols_.name_of(entry_ + 4), "guest_entry+0x4");
    EXPECT_THAT(symbols_.describe(entry_), HasSubstr("guest_entry (guest/boot/entry.S:"));
    EXPECT_TRUE(function("trap_entry"));
    EXPECT_EQ(symbols_.name_of(channel::layout::kernel_image + 0x20), "interrupt_vectors+0x20");
}

TEST_F(GuestSymbols, AFunctionIsFoundByAllOfItsAddresses) {
    const auto spin = function("guest::spin_forever()");
    ASSERT_TRUE(spin);
    const auto start_of_function_at = [&](std::uint64_t address) {
        const auto symbol = symbols_.function_at(address);
        return symbol ? symbol->start : 0;
    };
    EXPECT_EQ(start_of_function_at(spin->end - 1), spin->start);
    EXPECT_NE(start_of_function_at(spin->end), spin->start);
    EXPECT_NE(start_of_function_at(spin->start - 1), spin->start);
    EXPECT_EQ(symbols_.name_of(spin->start), "guest::spin_forever()");
}

TEST_F(GuestSymbols, InlinedFunctionsComeFirst) {
    const auto function_symbol = function("guest::write_to_a_constant(unsigned long)");
    ASSERT_TRUE(function_symbol);
    bool found = false;
    for (std::uint64_t at = function_symbol->start; at < function_symbol->end && !found; ++at) {
        const auto places = symbols_.source_of(at);
        if (places.size() == 2) {
            found = true;
            EXPECT_THAT(places, ElementsAre(Field(&SourcePlace::function, "store"),
                                            Field(&SourcePlace::function, "write_to_a_constant")));
            EXPECT_EQ(places[1].file, "guest/suites/crash.cpp");
            EXPECT_LT(places[0].line, places[1].line);
        }
    }
    EXPECT_TRUE(found);
}

TEST_F(GuestSymbols, ALambdaIsNamedAfterWhereItIs) {
    bool found = false;
    for (std::uint64_t at = text_; at < text_end_ && !found; ++at) {
        const auto symbol = symbols_.function_at(at);
        if (!symbol || symbol->name.find("second_cpu()::{lambda") == std::string::npos) {
            continue;
        }
        found = true;
        EXPECT_THAT(symbols_.describe(symbol->start), HasSubstr("lambda in "));
    }
    EXPECT_TRUE(found);
}

TEST_F(GuestSymbols, AnAddressOutsideIsOnlyANumber) {
    EXPECT_FALSE(symbols_.at(0x1234));
    EXPECT_THAT(symbols_.source_of(0x1234), IsEmpty());
    EXPECT_EQ(symbols_.describe(0x1234), "0x1234");
    EXPECT_FALSE(symbols_.at(~std::uint64_t{0}));
}

TEST(Symbols, AFileThatIsNoElfHasNone) {
    const std::array<std::byte, 64> zeroes{};
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, zeroes.size()}) {
        const Symbols symbols(std::span<const std::byte>(zeroes).first(size));
        EXPECT_FALSE(symbols.at(0));
        EXPECT_EQ(symbols.describe(0x10), "0x10");
    }
}

TEST(Symbols, AFileThatLibelfRefusesHasNone) {
    const auto file = test::builtin_guest("crash");
    const std::vector<std::byte> cut_off(file.begin(), file.begin() + 23);
    // More sections than the header has room for: how many, the first of them says.
    std::vector<std::byte> sections(file.begin(), file.end());
    Elf64_Ehdr header{};
    std::memcpy(&header, sections.data(), sizeof header);
    header.e_shnum = 0;
    std::memcpy(sections.data(), &header, sizeof header);
    Elf64_Shdr first{};
    first.sh_size = ~std::uint64_t{0};
    std::memcpy(sections.data() + header.e_shoff, &first, sizeof first);
    EXPECT_NO_THROW(ElfImage("crash", sections)) << "it is a guest all the same";
    for (const std::vector<std::byte>& refused : {cut_off, sections}) {
        EXPECT_EQ(Symbols(refused).describe(0x10), "0x10");
    }
}

TEST(Symbols, NamesAreDemangledAndShortened) {
    EXPECT_EQ(readable_symbol("_ZN7nestbed5guest5panicEPKc"), "guest::panic(char const*)");
    EXPECT_EQ(readable_symbol("_ZN7nestbed5guest12_GLOBAL__N_14spinEv"), "guest::spin()");
    EXPECT_EQ(readable_symbol("trap_entry"), "trap_entry");
    EXPECT_EQ(readable_symbol("f"), "f") << "a function of C, not the type float";
    EXPECT_EQ(readable_symbol("_ZN"), "_ZN");
    EXPECT_EQ(readable_symbol(std::string(5000, 'a').c_str()).size(), 1024U);
    // B<A, A>, B<B<A, A>, B<A, A>> and so on. Only so often that a library without a bound takes it
    // as well; what the program makes of a name that would be gigabytes, tests/hostile asks.
    std::string doubled = "_Z1f1A1BIS_S_E";
    for (const char* of : {"1", "2", "3", "4", "5", "6", "7", "8", "9", "A"}) {
        doubled += std::string("S0_IS") + of + "_S" + of + "_E";
    }
    EXPECT_THAT(readable_symbol(doubled.c_str()), testing::StartsWith("f(A, B<A, A>, B<B<A, A>, "));
    EXPECT_EQ(readable_symbol(doubled.c_str()).size(), 1024U);
    std::string grows = "_Z1fSt4pairIiiE";
    for (const char previous : std::string_view("02468ACEGIKM")) {
        grows += fmt::format("St4pairIS{0}_S{0}_E", previous);  // twice as long as the last
    }
    EXPECT_LE(readable_symbol(grows.c_str()).size(), 1024U);
}

/// A guest's file may hold anything: less is known of a damaged one, and that is all.
TEST(Symbols, ADamagedFileDoesNoHarm) {
    const auto file = test::builtin_guest("crash");
    test::LoadedGuest guest("crash");
    const std::uint64_t entry = guest.image().entry();
    std::mt19937 random(20);
    for (int round = 0; round < 60; ++round) {
        std::vector<std::byte> damaged(file.begin(), file.end());
        if (round % 3 == 0) {
            damaged.resize(random() % damaged.size());
        }
        for (int change = 0; change < 40 && !damaged.empty(); ++change) {
            damaged[random() % damaged.size()] = static_cast<std::byte>(random());
        }
        const Symbols symbols(damaged);
        for (std::uint64_t offset = 0; offset < 0x1800; offset += 0x55) {
            const std::uint64_t address = entry + offset;
            static_cast<void>(symbols.describe(address));
            CpuState state = guest.cpu_state();
            state.general.rip = address;
            state.general.rbp = state.general.rsp = guest.image().entry() & ~0xFULL;
            static_cast<void>(backtrace(state, guest.virtual_memory(), symbols));
        }
    }
}

}  // namespace
}  // namespace nestbed::vmm
