#include "vmm/base/output_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
  public:
    OutputFileTest() {
        std::string pattern = testing::TempDir() + "nestbed-output-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    ~OutputFileTest() override { fs::remove_all(folder_); }

    fs::path path(const char* name) const { return folder_ / name; }

    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }

    static std::string contents(const fs::path& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }

  private:
    fs::path folder_;
};

TEST_F(OutputFileTest, IsNotThereBeforeItIsWritten) {
    OutputFile file(path("report"));
    EXPECT_EQ(files(), 0U);
    file.write("all of it");
    EXPECT_EQ(contents(path("report")), "all of it");
    EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, AnOldOneIsGoneAtOnce) {
    std::ofstream(path("report")) << "old";
    OutputFile file(path("report"));
    EXPECT_EQ(files(), 0U);
    file.write("new");
    EXPECT_EQ(contents(path("report")), "new");
    EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, ASymbolicLinkStaysOne) {
    std::ofstream(path("target")) << "old";
    fs::create_symlink("target", path("link"));
    { const OutputFile not_written(path("link")); }
    OutputFile(path("link")).write("new");
    EXPECT_TRUE(fs::is_symlink(path("link")));
    EXPECT_EQ(contents(path("target")), "new");
}

TEST_F(OutputFileTest, WhatCannotBeWrittenIsAnErrorAtOnce) {
    EXPECT_THROW(OutputFile(path("no/such/folder")), Error);
    EXPECT_THROW(OutputFile(path(".")), Error);
    EXPECT_THROW(OutputFile(path("")), Error);
    EXPECT_EQ(files(), 0U);
}

// The file beside it, which takes its name in the end, has a longer one.
TEST_F(OutputFileTest, AnOldOneIsGoneEvenIfNoNewOneCanBe) {
    const std::string name(250, 'n');
    std::ofstream(path(name.c_str())) << "old";
    ASSERT_EQ(files(), 1U);
    EXPECT_THROW(OutputFile(path(name.c_str())), Error);
    EXPECT_EQ(files(), 0U);
}

TEST_F(OutputFileTest, TheErrorNamesFileAndCause) {
    try {
        const OutputFile file("/nonexistent/report.json");
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "cannot write /nonexistent/report.json: No such file or directory");
        EXPECT_EQ(error.kind(), ErrorKind::io);
    }
}

TEST_F(OutputFileTest, APipeIsWrittenDirectly) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
    OutputFile(path("pipe")).write("text");
    std::array<char, 16> buffer{};
    EXPECT_EQ(::read(reader, buffer.data(), buffer.size()), 4);
    ::close(reader);
    EXPECT_TRUE(fs::is_fifo(path("pipe")));
}

TEST_F(OutputFileTest, APipeThatNobodyReadsIsAnErrorAndNoWait) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_THROW(OutputFile(path("pipe")), Error);
}

TEST_F(OutputFileTest, ADeviceIsLeftAlone) {
    OutputFile("/dev/null").write("text");
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, AFullDiskIsAnError) {
    OutputFile file("/dev/full");
    EXPECT_THROW(file.write("text"), Error);
}

}  // namespace
}  // namespace nestbed::vmm
