// Guests that are read from a path.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/loader/elf_builder.hpp"
#include "tests/unit/loader/rejection.hpp"
#include "vmm/loader/guest.hpp"

namespace nestbed::vmm {
namespace {

using test::ElfBuilder;
using testing::HasSubstr;

class GuestFile : public testing::Test {
  protected:
    GuestFile() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "guest_file_XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~GuestFile() override { std::filesystem::remove_all(directory_); }

    std::string path(const std::string& name) const { return (directory_ / name).string(); }

    std::string write(const std::string& name, std::span<const std::byte> contents) const {
        std::ofstream(path(name), std::ios::binary)
            .write(reinterpret_cast<const char*>(contents.data()),
                   static_cast<std::streamsize>(contents.size()));
        return path(name);
    }

    static std::string rejection(const std::string& path) {
        try {
            const Guest guest = Guest::read(path);
            return "";
        } catch (const Error& error) {
            test::expect_good_manners(error, path);
            return error.what();
        }
    }

  private:
    std::filesystem::path directory_;
};

TEST_F(GuestFile, IsReadWhole) {
    ElfBuilder builder;
    builder.add_test();
    builder.tests[0].line = 20;
    builder.tests[1].line = 10;
    builder.strings.emplace_back("slow needs-1g");
    builder.tests[1].needs = {.cpus = 64,
                              .ring_records = 1,
                              .memory = 0,
                              .timeout = 86'400,
                              .tags = {builder.string_address(3)}};
    const Guest guest = Guest::read(write("good.elf", builder.file()));
    ASSERT_EQ(guest.tests().size(), 2U);
    EXPECT_EQ(guest.tests()[0].line, 10U) << "in the order of the source";
    EXPECT_EQ(guest.tests()[0].needs.cpus, 64U);
    EXPECT_EQ(guest.tests()[0].needs.timeout, 86'400U);
    EXPECT_THAT(guest.tests()[0].tags, testing::ElementsAre("slow", "needs-1g"));
    EXPECT_TRUE(guest.tests()[1].tags.empty());
    EXPECT_EQ(guest.tests()[1].full_name(), "suite.test");
    EXPECT_EQ(guest.tests()[1].file, "some/file.cpp");
}

TEST_F(GuestFile, MayHaveNoTests) {
    ElfBuilder builder;
    builder.note.tests_end = builder.note.tests_begin;
    EXPECT_TRUE(Guest::read(write("none.elf", builder.file())).tests().empty());
}

TEST_F(GuestFile, BuiltinsAreGood) {
    for (const BuiltinGuest& builtin : builtin_guests()) {
        EXPECT_FALSE(Guest(std::string(builtin.name), builtin.file).tests().empty());
    }
}

TEST_F(GuestFile, Missing) {
    EXPECT_THAT(rejection(path("missing.elf")), HasSubstr("No such file"));
    EXPECT_THAT(rejection(write("file", {}) + "/below"), HasSubstr("Not a directory"));
}

TEST_F(GuestFile, Directory) {
    std::filesystem::create_directory(path("folder"));
    EXPECT_THAT(rejection(path("folder")), HasSubstr("a directory"));
}

TEST_F(GuestFile, Empty) {
    EXPECT_THAT(rejection(write("empty.elf", {})), HasSubstr("not an ELF file"));
}

TEST_F(GuestFile, APipeWithoutAWriterIsNotWaitedFor) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_THAT(rejection(path("pipe")), HasSubstr("not a regular file"));
    EXPECT_THAT(rejection("/dev/zero"), HasSubstr("not a regular file"));
}

TEST_F(GuestFile, WithoutPermission) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root may read everything";
    }
    const std::string secret = write("secret.elf", ElfBuilder().file());
    ::chmod(secret.c_str(), 0);
    EXPECT_THAT(rejection(secret), HasSubstr("Permission denied"));
}

TEST_F(GuestFile, HugeAndSparse) {
    const std::string huge = write("huge.elf", ElfBuilder().file());
    std::filesystem::resize_file(huge, std::uint64_t{1} << 34);
    EXPECT_THAT(rejection(huge), HasSubstr("over 256 MiB"));
}

}  // namespace
}  // namespace nestbed::vmm
