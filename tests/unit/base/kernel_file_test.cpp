#include "vmm/base/kernel_file.hpp"

#include <gmock/gmock.h>

#include "tests/unit/base/temporary_folder.hpp"

namespace nestbed::vmm {
namespace {

using test::TemporaryFolder;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* no_numbers[] = {
    "", "\n", "abc", "-1", "+1", "1.5", "1e3", "0x10", "12 kB", "18446744073709551616",
};

TEST(KernelFile, TheFirstLineIsWhatItSays) {
    const TemporaryFolder folder;
    EXPECT_EQ(first_line(folder.write("one", "[madvise] never\nmore\n")), "[madvise] never");
    EXPECT_EQ(first_line(folder.write("unended", "tsc")), "tsc");
}

TEST(KernelFile, WithoutALineItSaysNothing) {
    const TemporaryFolder folder;
    EXPECT_EQ(first_line(folder.path() / "missing"), std::nullopt);
    EXPECT_EQ(first_line(folder.path()), std::nullopt);
    for (const char* contents : {"", "\n", " \t\n", "\nsecond\n"}) {
        EXPECT_EQ(first_line(folder.write("blank", contents)), std::nullopt) << contents;
    }
}

TEST(KernelFile, ANumberIsDigitsAlone) {
    const TemporaryFolder folder;
    EXPECT_EQ(number_in(folder.write("number", "0\n")), 0U);
    EXPECT_EQ(number_in(folder.write("number", "18446744073709551615\n")), ~std::uint64_t{0});
    EXPECT_EQ(number_in(folder.path() / "missing"), std::nullopt);
    for (const char* contents : no_numbers) {
        EXPECT_EQ(number_in(folder.write("number", contents)), std::nullopt) << contents;
    }
}

TEST(KernelFile, AFlagIsOneOfTwo) {
    const TemporaryFolder folder;
    EXPECT_EQ(flag_in(folder.write("flag", "1\n")), true);
    EXPECT_EQ(flag_in(folder.write("flag", "Y\n")), true);
    EXPECT_EQ(flag_in(folder.write("flag", "0\n")), false);
    EXPECT_EQ(flag_in(folder.write("flag", "N\n")), false);
    EXPECT_EQ(flag_in(folder.path() / "missing"), std::nullopt);
    for (const char* contents : {"", "2\n", "-1\n", "yes\n", "abc\n"}) {
        EXPECT_EQ(flag_in(folder.write("flag", contents)), std::nullopt) << contents;
    }
}

TEST(KernelFile, EntriesComeInOrder) {
    const TemporaryFolder folder;
    for (const char* name : {"c", "a", "b/inner"}) {
        folder.write(name, "");
    }
    EXPECT_THAT(entries_of(folder.path()),
                ElementsAre(folder.path() / "a", folder.path() / "b", folder.path() / "c"));
    EXPECT_THAT(entries_of(folder.path() / "missing"), IsEmpty());
    EXPECT_THAT(entries_of(folder.path() / "a"), IsEmpty());
}

}  // namespace
}  // namespace nestbed::vmm
