// What an Error says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "vmm/base/error.hpp"

namespace nestbed::vmm::test {

/// The message of the Error that `action` throws. Fails the test if that has another exit code.
template <typename Action>
std::string failure_of(const Action& action, ErrorKind kind = ErrorKind::host_lacks) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    return "no error";
}

}  // namespace nestbed::vmm::test
