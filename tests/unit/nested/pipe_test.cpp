#include "vmm/nested/pipe.hpp"

#include <gmock/gmock.h>

#include "vmm/base/file.hpp"

namespace nestbed::vmm {
namespace {

TEST(PipeReaders, TakeWhatComesFromEach) {
    Pipe first;
    Pipe second;
    std::string taken;
    PipeReaders readers({first.reader(), second.reader()},
                        [&](std::size_t place, const std::string& text) {
                            taken += std::to_string(place) + text + ".";
                        });
    write_all(second.writer(), "b");
    readers.read();
    write_all(first.writer(), "a");
    write_all(second.writer(), "c");
    readers.read();
    EXPECT_EQ(taken, "1b.0a.1c.");
    EXPECT_FALSE(readers.ended());
    first.close_writer();
    second.close_writer();
    readers.read();
    EXPECT_TRUE(readers.ended());
}

TEST(PipeReaders, TakeTheRestWithoutWaiting) {
    Pipe pipe;
    std::string taken;
    PipeReaders readers({pipe.reader()},
                        [&](std::size_t, const std::string& text) { taken += text; });
    readers.read_rest();
    write_all(pipe.writer(), "rest");
    readers.read_rest();
    EXPECT_EQ(taken, "rest");
}

}  // namespace
}  // namespace nestbed::vmm
