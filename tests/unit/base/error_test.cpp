#include "vmm/base/error.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <new>
#include <system_error>

namespace nestbed::vmm {
namespace {

template <typename Exception>
ErrorKind kind_when_thrown(const Exception& exception) {
    FirstError first;
    first.attempt([&] { throw exception; });
    return first.get()->kind();
}

TEST(CurrentError, EveryExceptionHasAKind) {
    using std::make_error_code;
    const auto busy = make_error_code(std::errc::resource_unavailable_try_again);
    EXPECT_EQ(kind_when_thrown(Error(ErrorKind::input, "x")), ErrorKind::input);
    EXPECT_EQ(kind_when_thrown(std::filesystem::filesystem_error("x", busy)), ErrorKind::io);
    EXPECT_EQ(kind_when_thrown(std::system_error(busy)), ErrorKind::kernel_refused);
    EXPECT_EQ(kind_when_thrown(std::bad_alloc()), ErrorKind::kernel_refused);
    EXPECT_EQ(kind_when_thrown(std::logic_error("x")), ErrorKind::ours);
    EXPECT_EQ(kind_when_thrown(1), ErrorKind::ours);
}

template <typename Exception>
std::string text_when_thrown(const Exception& exception) {
    FirstError first;
    first.attempt([&] { throw exception; });
    return first.get()->what();
}

TEST(CurrentError, SaysWhatToDo) {
    using std::make_error_code;
    using testing::HasSubstr;
    const auto busy = make_error_code(std::errc::resource_unavailable_try_again);
    EXPECT_THAT(text_when_thrown(std::system_error(busy)), HasSubstr("ulimit -u"));
    EXPECT_THAT(text_when_thrown(std::bad_alloc()), HasSubstr("no memory left"));
    EXPECT_THAT(text_when_thrown(std::length_error("vector::reserve")),
                HasSubstr("no memory left"));
    EXPECT_THAT(text_when_thrown(std::out_of_range("vector::at")), HasSubstr("please report"));
    EXPECT_EQ(text_when_thrown(std::filesystem::filesystem_error(
                  "cannot x", "/a/b", make_error_code(std::errc::permission_denied))),
              "/a/b: Permission denied");
}

TEST(FirstError, OfAllStepsTheFirstThatFails) {
    FirstError first;
    int steps = 0;
    first.attempt([&] { ++steps; });
    EXPECT_NO_THROW(first.throw_if_any());
    first.attempt([] { throw_error(ErrorKind::io, "one"); });
    first.attempt([] { throw_error(ErrorKind::usage, "two"); });
    first.attempt([&] { ++steps; });
    EXPECT_EQ(steps, 2);
    EXPECT_STREQ(first.get()->what(), "one");
    EXPECT_THROW(first.throw_if_any(), Error);
}

}  // namespace
}  // namespace nestbed::vmm
