// For tests that run built-in guests: a KVM to run them on, or a loud skip.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "vmm/base/error.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm::test {

/// A built-in guest and one of its tests.
struct GuestAndTest {
    explicit GuestAndTest(std::string_view guest_name, std::string_view test_name)
        : guest(std::string(guest_name),
                std::ranges::find(builtin_guests(), guest_name, &BuiltinGuest::name)->file),
          test(*std::ranges::find(guest.tests(), test_name, &GuestTest::name)) {}

    Guest guest;
    GuestTest test;
};

template <typename Base>
class KvmFixture : public Base {
  protected:
    static void SetUpTestSuite() { VcpuThread::install_kick_handler(); }

    void SetUp() override {
        try {
            system_ = std::make_unique<kvm::System>();
        } catch (const Error& error) {
            GTEST_SKIP() << "NOT TESTED, no usable KVM here: " << error.what();
        }
    }

    const kvm::System& system() const { return *system_; }

  private:
    std::unique_ptr<kvm::System> system_;
};

using KvmTest = KvmFixture<testing::Test>;

}  // namespace nestbed::vmm::test
