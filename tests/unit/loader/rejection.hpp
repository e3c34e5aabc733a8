// What the loader says of a file that it refuses.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>

#include "vmm/base/error.hpp"
#include "vmm/loader/guest.hpp"

namespace nestbed::vmm::test {

/// Fails the test unless it is one line that begins with the file's name, with the exit code for
/// bad input.
inline void expect_good_manners(const Error& error, const std::string& name) {
    EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
    EXPECT_THAT(error.what(), testing::StartsWith(name + ": "));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
}

/// The message of the loader's refusal; "" if it takes the file. The bytes are looked at where they
/// are, so that a sanitizer sees a read behind their end.
inline std::string rejection(std::span<const std::byte> file) {
    try {
        const Guest guest("some.elf", file);
        return "";
    } catch (const Error& error) {
        expect_good_manners(error, "some.elf");
        return error.what();
    }
}

}  // namespace nestbed::vmm::test
