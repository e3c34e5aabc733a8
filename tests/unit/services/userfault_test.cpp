// Pages that we bring in ourselves, without a guest: a thread touches them instead.

#include "vmm/services/userfault.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include "vmm/machine/host_cpus.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {
namespace {

using Kind = channel::UserfaultKind;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t pages = 16;

class UserfaultTest : public testing::Test {
  protected:
    /// Of pages [first, first + count); null if the kernel refuses, and error() says why.
    std::unique_ptr<Userfault> start(const HostMemory& memory, Kind kind, std::uint64_t first = 0,
                                     std::uint64_t count = pages) {
        try {
            const std::span all(static_cast<std::byte*>(memory.address()), memory.size());
            return std::make_unique<Userfault>(files_, all.subspan(first * page, count * page),
                                               page, kind, usable_host_cpus());
        } catch (const std::system_error& error) {
            error_ = error.code().value();
            return nullptr;
        }
    }

    bool permitted() {
        const HostMemory memory = map_backing({}, pages * page);
        return start(memory, Kind::missing) != nullptr || (error_ != EPERM && error_ != ENOSYS);
    }

    void SetUp() override {
        if (!permitted()) {
            GTEST_SKIP()
                << "NOT TESTED: there is no userfaultfd here, or it is not ours (root may)";
        }
    }

    int error() const { return error_; }

    static volatile std::uint64_t& word(const HostMemory& memory, std::uint64_t number) {
        return *reinterpret_cast<volatile std::uint64_t*>(
            static_cast<std::byte*>(memory.address()) + number * page);
    }

  private:
    UserfaultFiles files_;
    int error_ = 0;
};

TEST_F(UserfaultTest, BringsInEachMissingPageThatIsTouchedOnce) {
    for (const Backing backing : {Backing::anon, Backing::memfd}) {
        const HostMemory memory = map_backing({.kind = backing}, pages * page);
        const auto server = start(memory, Kind::missing);
        ASSERT_NE(server, nullptr);
        EXPECT_EQ(word(memory, 0), 0U);
        EXPECT_EQ(word(memory, 3), 0U);
        word(memory, 3) = 33;
        word(memory, 7) = 77;
        EXPECT_EQ(word(memory, 3), 33U);
        EXPECT_EQ(server->stop().pages, 3U);
        EXPECT_EQ(server->stop().error, 0);
        EXPECT_EQ(word(memory, 7), 77U);
    }
}

TEST_F(UserfaultTest, ServesItsRangeOnly) {
    const HostMemory memory = map_backing({}, pages * page);
    const auto server = start(memory, Kind::missing, 4, 2);
    ASSERT_NE(server, nullptr);
    for (std::uint64_t number = 0; number < pages; ++number) {
        EXPECT_EQ(word(memory, number), 0U);
    }
    EXPECT_EQ(server->stop().pages, 2U);
}

TEST_F(UserfaultTest, MapsWhatIsThereAlready) {
    const HostMemory memory = map_backing({.kind = Backing::memfd}, pages * page);
    word(memory, 2) = 22;
    word(memory, 3) = 33;
    const auto server = start(memory, Kind::minor);
    ASSERT_NE(server, nullptr);
    ASSERT_EQ(::madvise(memory.address(), pages * page, MADV_DONTNEED), 0);
    EXPECT_EQ(word(memory, 2), 22U);
    word(memory, 3) = 44;
    EXPECT_EQ(word(memory, 3), 44U);
    EXPECT_EQ(server->stop().pages, 2U);
    EXPECT_EQ(server->stop().error, 0);
}

TEST_F(UserfaultTest, AnonymousMemoryHasNoMinorFaults) {
    const HostMemory memory = map_backing({}, pages * page);
    EXPECT_EQ(start(memory, Kind::minor), nullptr);
    EXPECT_EQ(error(), EINVAL);
}

TEST_F(UserfaultTest, TwoWhoWaitForAPageGetOne) {
    const HostMemory memory = map_backing({}, pages * page);
    const auto server = start(memory, Kind::missing);
    ASSERT_NE(server, nullptr);
    const auto touch_all = [&] {
        for (std::uint64_t number = 0; number < pages; ++number) {
            EXPECT_EQ(word(memory, number), 0U);
        }
    };
    std::thread other(touch_all);
    touch_all();
    other.join();
    EXPECT_EQ(server->stop().pages, pages);
}

TEST_F(UserfaultTest, WhenItEndsTheKernelServesTheRest) {
    const HostMemory memory = map_backing({}, pages * page);
    auto server = start(memory, Kind::missing);
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(server->stop().pages, 0U);
    // Without a server a fault that still came here would wait for ever.
    EXPECT_EQ(word(memory, 0), 0U);
    server.reset();
    EXPECT_EQ(word(memory, 1), 0U);
}

}  // namespace
}  // namespace nestbed::vmm
