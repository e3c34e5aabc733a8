#include "vmm/base/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>

#include "tests/unit/base/interrupted_thread.hpp"
#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/failure.hpp"
#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {
namespace {

using test::failure_of;

TEST(File, WhatIsWrittenIsRead) {
    const test::TemporaryFolder folder;
    const std::string contents = std::string("a\0b", 3) + std::string(200'000, 'c');
    write_file(folder.path() / "file", contents);
    EXPECT_EQ(read_file(folder.path() / "file"), contents);
    write_file(folder.path() / "file", "");
    EXPECT_EQ(read_file(folder.path() / "file"), "");
}

TEST(File, ErrorsNameTheFileAndTheReason) {
    const test::TemporaryFolder folder;
    const std::string path = folder.path();
    EXPECT_EQ(failure_of([&] { read_file(path); }, ErrorKind::io),
              "cannot read " + path + ": Is a directory");
    EXPECT_EQ(failure_of([&] { write_file(path, ""); }, ErrorKind::io),
              "cannot write " + path + ": Is a directory");
    EXPECT_EQ(failure_of([&] { read_file(path + "/none", ErrorKind::input); }, ErrorKind::input),
              "cannot read " + path + "/none: No such file or directory");
    EXPECT_EQ(failure_of([] { write_file("/dev/full", "x"); }, ErrorKind::io),
              "cannot write /dev/full: No space left on device");
}

TEST(File, WhatIsNoFileIsRefused) {
    for (const char* device : {"/dev/null", "/dev/zero", "/dev/urandom"}) {
        EXPECT_EQ(failure_of([&] { read_file(device, ErrorKind::input); }, ErrorKind::input),
                  std::string("cannot read ") + device + ": it is a device, and no file");
    }
}

TEST(File, OneThatIsTooLargeIsNotReadAtAll) {
    const test::TemporaryFolder folder;
    const std::string path = folder.write("sparse", "");
    std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
    EXPECT_EQ(failure_of([&] { read_file(path); }, ErrorKind::io),
              "cannot read " + path + ": it has more than 512 MiB");
}

/// A named pipe, read with hardly any patience.
class Pipe {
  public:
    Pipe() { EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0); }

    test::TemporaryFolder folder;
    std::string path = folder.path() / "pipe";

    std::string failure(std::chrono::milliseconds all = std::chrono::minutes(1)) const {
        const PipePatience patience{.silence = std::chrono::milliseconds(10), .all = all};
        return failure_of([&] { read_file(path, ErrorKind::input, patience); }, ErrorKind::input);
    }
};

TEST(File, APipeThatNobodyOpensIsNotWaitedFor) {
    const Pipe pipe;
    EXPECT_EQ(pipe.failure(), "cannot read " + pipe.path +
                                  ": nothing came out of this pipe for 10.0 ms, or not all in "
                                  "60.0 s: write it into a file first");
}

TEST(File, APipeWhoseWriterIsSilentIsNotWaitedFor) {
    const Pipe pipe;
    const Descriptor writer(::open(pipe.path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(write_all(writer.get(), "the beginning"), 0);
    EXPECT_THAT(pipe.failure(), testing::HasSubstr("nothing came out of this pipe"));
}

TEST(File, APipeWithoutAnEndIsNotReadForEver) {
    const Pipe pipe;
    const Descriptor writer(::open(pipe.path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(write_all(writer.get(), "the beginning"), 0);
    EXPECT_THAT(pipe.failure(std::chrono::milliseconds(0)), testing::HasSubstr("not all in"));
}

TEST(File, IsReadThroughSignals) {
    const test::TemporaryFolder folder;
    const std::string path = folder.path() / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    // With a reader and a writer in one nobody waits for the other to open it.
    Descriptor writer(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    std::string contents;
    std::string failure;
    test::InterruptedThread reader(
        [&] { failure = failure_of([&] { contents = read_file(path); }, ErrorKind::io); });
    reader.interrupt();
    EXPECT_EQ(write_all(writer.get(), "late"), 0);
    reader.interrupt();
    writer = Descriptor(-1);
    reader.join();
    EXPECT_EQ(contents, "late");
    EXPECT_EQ(failure, "no error");
}

TEST(File, IsWrittenThroughSignals) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Descriptor reader(ends[0]);
    Descriptor writing(ends[1]);
    const std::string contents(1 << 20, 'x');  // more than a pipe holds
    int error = -1;
    test::InterruptedThread writer([&] {
        error = write_all(writing.get(), contents);
        writing = Descriptor(-1);
    });
    writer.interrupt();
    std::string received;
    while (read_some(reader.get(), received) > 0) {
    }
    writer.join();
    EXPECT_EQ(error, 0);
    EXPECT_TRUE(received == contents) << received.size() << " bytes";
}

}  // namespace
}  // namespace nestbed::vmm
