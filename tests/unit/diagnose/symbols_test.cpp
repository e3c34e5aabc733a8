#include "vmm/diagnose/symbols.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const Symbol* find(const Symbols& symbols, const std::string& name, std::uint64_t from,
                   std::uint64_t to) {
    for (std::uint64_t address = from; address < to; ++address) {
        const Symbol* symbol = symbols.at(address);
        if (symbol != nullptr && symbol->name == name) {
            return symbol;
        }
    }
    return nullptr;
}

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

    const Symbol* function(const std::string& name) const {
        return find(symbols_, name, text_, text_end_);
    }

    Symbols symbols_;
    std::uint64_t entry_ = 0;
    std::uint64_t text_ = 0;
    std::uint64_t text_end_ = 0;
};

TEST_F(GuestSymbols, AssemblyHasSymbolsAndLines) {
    ASSERT_NE(symbols_.function_at(entry_), nullptr);
    EXPECT_EQ(symbols_.function_at(entry_)->name, "guest_entry");
    EXPECT_EQ(symbols_.name_of(entry_ + 4), "guest_entry+0x4");
    EXPECT_THAT(symbols_.describe(entry_), HasSubstr("guest_entry (guest/boot/entry.S:"));
    ASSERT_NE(function("trap_entry"), nullptr);
    EXPECT_FALSE(function("trap_entry")->has_size);
}

TEST_F(GuestSymbols, AFunctionIsFoundByAllOfItsAddresses) {
    const Symbol* spin = function("guest::spin_forever()");
    ASSERT_NE(spin, nullptr);
    EXPECT_TRUE(spin->is_code && spin->has_size);
    EXPECT_EQ(symbols_.function_at(spin->end - 1), spin);
    EXPECT_NE(symbols_.function_at(spin->end), spin);
    EXPECT_NE(symbols_.function_at(spin->start - 1), spin);
    EXPECT_EQ(symbols_.name_of(spin->start), "guest::spin_forever()");
}

TEST_F(GuestSymbols, InlinedFunctionsComeFirst) {
    const Symbol* function_symbol = function("guest::write_to_a_constant(unsigned long)");
    ASSERT_NE(function_symbol, nullptr);
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
        const Symbol* symbol = symbols_.function_at(at);
        if (symbol == nullptr || symbol->name.find("second_cpu()::{lambda") == std::string::npos) {
            continue;
        }
        found = true;
        EXPECT_THAT(symbols_.describe(symbol->start), HasSubstr("lambda in "));
    }
    EXPECT_TRUE(found);
}

TEST_F(GuestSymbols, AnAddressOutsideIsOnlyANumber) {
    EXPECT_EQ(symbols_.at(0x1234), nullptr);
    EXPECT_THAT(symbols_.source_of(0x1234), IsEmpty());
    EXPECT_EQ(symbols_.describe(0x1234), "0x1234");
    EXPECT_EQ(symbols_.at(~std::uint64_t{0}), nullptr);
    EXPECT_FALSE(symbols_.frame_rule_at(0x1234));
}

TEST_F(GuestSymbols, FrameRulesFollowTheStack) {
    const Symbol* first = function("guest::first_level(unsigned long)");
    ASSERT_NE(first, nullptr);
    // At the first instruction only the return address has been pushed.
    const auto at_entry = symbols_.frame_rule_at(first->start);
    ASSERT_TRUE(at_entry);
    EXPECT_FALSE(at_entry->from_rbp);
    EXPECT_EQ(at_entry->offset, 8);
    EXPECT_EQ(at_entry->return_slot, -8);
    EXPECT_FALSE(at_entry->rbp_slot);
    EXPECT_FALSE(symbols_.frame_rule_at(entry_)) << "assembly has no call-frame information";
}

TEST(Symbols, AFileThatIsNoElfHasNone) {
    const std::array<std::byte, 64> zeroes{};
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, zeroes.size()}) {
        const Symbols symbols(std::span<const std::byte>(zeroes).first(size));
        EXPECT_EQ(symbols.at(0), nullptr);
        EXPECT_EQ(symbols.describe(0x10), "0x10");
    }
}

TEST(Symbols, NamesAreDemangledAndShortened) {
    EXPECT_EQ(readable_symbol("_ZN7nestbed5guest5panicEPKc"), "guest::panic(char const*)");
    EXPECT_EQ(readable_symbol("_ZN7nestbed5guest12_GLOBAL__N_14spinEv"), "guest::spin()");
    EXPECT_EQ(readable_symbol("trap_entry"), "trap_entry");
    EXPECT_EQ(readable_symbol("_ZN"), "_ZN");
    EXPECT_EQ(readable_symbol(std::string(5000, 'a').c_str()).size(), 1024U);
}

/// A guest's file may hold anything: less is known of a damaged one, and that is all.
TEST(Symbols, ADamagedFileDoesNoHarm) {
    const auto file = test::builtin_guest("crash");
    const ElfImage image("crash", file);
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
            const std::uint64_t address = image.entry() + offset;
            static_cast<void>(symbols.describe(address));
            static_cast<void>(symbols.frame_rule_at(address));
        }
    }
}

}  // namespace
}  // namespace nestbed::vmm
