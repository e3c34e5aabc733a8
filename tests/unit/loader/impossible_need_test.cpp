// Tests that ask for what nobody could give them, in a file that is good otherwise.
#include <gmock/gmock.h>

#include <functional>
#include <ostream>

#include "tests/unit/loader/elf_builder.hpp"
#include "vmm/loader/guest.hpp"

namespace nestbed::vmm {
namespace {

using test::ElfBuilder;
using testing::HasSubstr;

struct Need {
    const char* name;
    std::function<void(ElfBuilder&)> ask;
    const char* text;
};

void PrintTo(const Need& need, std::ostream* out) { *out << need.name; }

class ImpossibleNeed : public testing::TestWithParam<Need> {};

TEST_P(ImpossibleNeed, IsItsTestsAlone) {
    ElfBuilder builder;
    builder.add_test();
    builder.add_test();
    GetParam().ask(builder);
    const auto file = builder.file();
    const Guest guest("needs.elf", file);
    ASSERT_EQ(guest.tests().size(), 3U);
    int impossible = 0;
    for (const GuestTest& test : guest.tests()) {
        if (!test.impossible_need.empty()) {
            ++impossible;
            EXPECT_THAT(test.impossible_need, HasSubstr(GetParam().text));
            EXPECT_EQ(test.needs.cpus, 1U) << "nobody takes the numbers for anything";
            EXPECT_EQ(test.needs.memory, 0U);
            EXPECT_EQ(test.needs.test_memory, 0U);
        }
    }
    EXPECT_EQ(impossible, 1);
}

std::string name_of_need(const testing::TestParamInfo<Need>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Tests, ImpossibleNeed,
    testing::Values(
        Need{"UnknownDirtyLog",
             [](ElfBuilder& b) { b.tests[0].needs.dirty_logging.kind = channel::DirtyLogKind{3}; },
             "a dirty log"},
        Need{"DirtyRingOfNoPowerOfTwo",
             [](ElfBuilder& b) {
                 b.tests[0].needs.dirty_logging = {.kind = channel::DirtyLogKind::ring,
                                                   .ring_entries = 1000};
             },
             "a dirty log"},
        Need{"DirtyRingOfLessThanAPage",
             [](ElfBuilder& b) {
                 b.tests[0].needs.dirty_logging = {.kind = channel::DirtyLogKind::ring,
                                                   .ring_entries = 1};
             },
             "a dirty log"},
        Need{"HugeDirtyRing",
             [](ElfBuilder& b) {
                 b.tests[0].needs.dirty_logging = {.kind = channel::DirtyLogKind::ring,
                                                   .ring_entries = 1U << 31};
             },
             "a dirty log"},
        Need{"DirtyRingThatBeginsFull",
             [](ElfBuilder& b) {
                 b.tests[0].needs.dirty_logging = {.kind = channel::DirtyLogKind::ring,
                                                   .initially_set = 1};
             },
             "a dirty log"},
        Need{"NoCpus", [](ElfBuilder& b) { b.tests[0].needs.cpus = 0; }, "0 vCPUs"},
        Need{"TooManyCpus", [](ElfBuilder& b) { b.tests[0].needs.cpus = 1000; }, "1000 vCPUs"},
        Need{"OddRing", [](ElfBuilder& b) { b.tests[0].needs.ring_records = 3; },
             "rings of 3 records"},
        Need{"HugeRing", [](ElfBuilder& b) { b.tests[0].needs.ring_records = 1U << 31; },
             "rings of"},
        Need{"TimeoutOfDays", [](ElfBuilder& b) { b.tests[0].needs.timeout = 86'401; },
             "86401 seconds"},
        Need{"SecondTest", [](ElfBuilder& b) { b.tests[1].needs.cpus = 65; }, "65 vCPUs"}),
    name_of_need);

}  // namespace
}  // namespace nestbed::vmm
