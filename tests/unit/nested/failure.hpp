// What an Error says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "vmm/error.hpp"

namespace nestbed::vmm::test {

/// The message of the Error that `action` throws. Fails the test if that has another exit code.
template <typename Action>
std::string failure_of(const Action& action, ExitCode code = ExitCode::no_kvm) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        return error.what();
    }
    return "no error";
}

}  // namespace nestbed::vmm::test
