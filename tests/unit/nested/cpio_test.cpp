#include "vmm/nested/cpio.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <set>

#include "tests/unit/nested/cpio_reader.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::string_literals;
using test::CpioEntry;
using test::CpioReader;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(CpioArchive, OfNothingIsATrailer) {
    EXPECT_THAT(CpioReader(CpioArchive().finish()).entries(), IsEmpty());
}

TEST(CpioArchive, HoldsAFile) {
    CpioArchive archive;
    archive.add("/init", S_IFREG | 0755,
                "\x7f"
                "ELF\0"s);
    const std::string bytes = std::move(archive).finish();
    const CpioEntry entry = CpioReader(bytes).entry("init");
    EXPECT_EQ(entry.contents,
              "\x7f"
              "ELF\0"s);
    EXPECT_EQ(entry.mode, S_IFREG | 0755U);
    EXPECT_EQ(entry.links, 1U) << "more would make the kernel look for hard links";
}

TEST(CpioArchive, IsPaddedWhateverTheLengths) {
    CpioArchive archive;
    for (std::size_t length = 0; length < 8; ++length) {
        archive.add("/" + std::string(length + 1, 'n'), S_IFREG | 0644,
                    std::string(8 - length, 'c'));
    }
    const std::string bytes = std::move(archive).finish();
    const CpioReader reader(bytes);
    ASSERT_EQ(reader.entries().size(), 8U);
    for (std::size_t length = 0; length < 8; ++length) {
        EXPECT_EQ(reader.entries()[length].name, std::string(length + 1, 'n'));
        EXPECT_EQ(reader.entries()[length].contents, std::string(8 - length, 'c'));
    }
}

TEST(CpioArchive, ParentsComeFirstAndOnce) {
    CpioArchive archive;
    archive.add("/usr/lib/a.so", S_IFREG | 0755, "");
    archive.add("/usr/lib/b.so", S_IFREG | 0755, "");
    archive.add_folder("/usr/share");
    archive.add_folder("/usr");
    const std::string bytes = std::move(archive).finish();
    const CpioReader reader(bytes);
    EXPECT_THAT(reader.names(),
                ElementsAre("usr", "usr/lib", "usr/lib/a.so", "usr/lib/b.so", "usr/share"));
    EXPECT_EQ(reader.entry("usr/lib").mode, S_IFDIR | 0755U);
}

TEST(CpioArchive, AFolderMayHaveOtherPermissions) {
    CpioArchive archive;
    archive.add("/tmp", S_IFDIR | 01777);
    archive.add("/tmp/file", S_IFREG | 0644, "");
    const std::string bytes = std::move(archive).finish();
    EXPECT_EQ(CpioReader(bytes).entry("tmp").mode, S_IFDIR | 01777U);
}

TEST(CpioArchive, TheRootIsThereAlready) {
    CpioArchive archive;
    archive.add_folder("/");
    EXPECT_THAT(CpioReader(std::move(archive).finish()).entries(), IsEmpty());
}

TEST(CpioArchive, HoldsADevice) {
    CpioArchive archive;
    archive.add("/dev/console", S_IFCHR | 0600, "", makedev(5, 1));
    const std::string bytes = std::move(archive).finish();
    const CpioReader reader(bytes);
    EXPECT_THAT(reader.names(), ElementsAre("dev", "dev/console"));
    const CpioEntry device = reader.entry("dev/console");
    EXPECT_EQ(device.mode, S_IFCHR | 0600U);
    EXPECT_EQ(device.major, 5U);
    EXPECT_EQ(device.minor, 1U);
}

TEST(CpioArchive, TheSamePathTwiceIsOneFile) {
    CpioArchive archive;
    archive.add("/libc.so", S_IFREG | 0755, "the first");
    archive.add("/libc.so", S_IFREG | 0755, "the second");
    archive.add("libc.so", S_IFREG | 0755, "the third");
    const std::string bytes = std::move(archive).finish();
    const CpioReader reader(bytes);
    EXPECT_THAT(reader.names(), ElementsAre("libc.so"));
    EXPECT_EQ(reader.entry("libc.so").contents, "the first");
}

TEST(CpioArchive, EachEntryHasAnInodeOfItsOwn) {
    CpioArchive archive;
    archive.add("/a/b/c", S_IFREG | 0644, "");
    archive.add("/d", S_IFCHR | 0600, "", makedev(1, 3));
    const std::string bytes = std::move(archive).finish();
    const CpioReader reader(bytes);
    std::set<std::uint64_t> inodes;
    for (const CpioEntry& entry : reader.entries()) {
        inodes.insert(entry.inode);
    }
    EXPECT_EQ(inodes.size(), 4U);
}

}  // namespace
}  // namespace nestbed::vmm
