// A dirty ring, harvested, with a KVM in its place that puts pages in.

#include "vmm/services/dirty_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DirtyRingTest : public testing::Test {
  protected:
    static constexpr std::size_t size = 4;

    kvm_dirty_gfn& entry(std::size_t number) { return entries_[number % size]; }
    static std::atomic_ref<std::uint32_t> flags_of(kvm_dirty_gfn& entry) {
        return std::atomic_ref(entry.flags);
    }

    /// What KVM does when a page is written first.
    void push(std::uint32_t slot, std::uint64_t page) {
        kvm_dirty_gfn& next = entry(pushed_++);
        next.slot = slot;
        next.offset = page;
        flags_of(next).store(KVM_DIRTY_GFN_F_DIRTY, std::memory_order_release);
    }

    /// KVM_RESET_DIRTY_RINGS. Returns how many.
    std::size_t reset() {
        std::size_t count = 0;
        while ((flags_of(entry(reset_)).load(std::memory_order_acquire) & KVM_DIRTY_GFN_F_RESET) !=
               0) {
            flags_of(entry(reset_++)).store(0, std::memory_order_release);
            ++count;
        }
        return count;
    }

    std::vector<std::uint64_t> harvest() {
        std::vector<std::uint64_t> pages;
        const std::uint32_t count = ring_.harvest([&](std::uint32_t slot, std::uint64_t page) {
            pages.push_back(std::uint64_t{slot} * 1000 + page);
        });
        EXPECT_EQ(count, pages.size());
        return pages;
    }

    DirtyRing& ring() { return ring_; }

  private:
    static Mapping map() {
        return {::mmap(nullptr, size * sizeof(kvm_dirty_gfn), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                size * sizeof(kvm_dirty_gfn)};
    }

    Mapping memory_ = map();
    kvm_dirty_gfn* entries_ = static_cast<kvm_dirty_gfn*>(memory_.address());
    DirtyRing ring_{std::move(memory_)};
    std::size_t pushed_ = 0;
    std::size_t reset_ = 0;
};

TEST_F(DirtyRingTest, GivesWhatIsInThereInItsOrderAndOnce) {
    EXPECT_THAT(harvest(), IsEmpty());
    push(1, 7);
    push(2, 5);
    EXPECT_THAT(harvest(), ElementsAre(1007, 2005));
    EXPECT_THAT(harvest(), IsEmpty());
    push(1, 7);
    EXPECT_THAT(harvest(), ElementsAre(1007));
}

TEST_F(DirtyRingTest, GoesAroundWhenEntriesWereReset) {
    for (std::uint64_t page = 0; page < size; ++page) {
        push(1, page);
    }
    EXPECT_THAT(harvest(), ElementsAre(1000, 1001, 1002, 1003));
    EXPECT_THAT(harvest(), IsEmpty()) << "full of what was harvested";
    EXPECT_EQ(reset(), size);
    push(1, 4);
    push(1, 5);
    EXPECT_THAT(harvest(), ElementsAre(1004, 1005));
    EXPECT_EQ(reset(), 2U);
}

TEST_F(DirtyRingTest, AnEntryIsNotGivenBackBeforeItWasRead) {
    push(1, 1);
    ring().harvest([&](std::uint32_t, std::uint64_t) {
        EXPECT_EQ(flags_of(entry(0)).load(), std::uint32_t{KVM_DIRTY_GFN_F_DIRTY});
    });
    EXPECT_EQ(flags_of(entry(0)).load(), std::uint32_t{KVM_DIRTY_GFN_F_RESET});
}

TEST_F(DirtyRingTest, NothingIsLostWhileKvmPutsPagesIn) {
    constexpr std::uint64_t pages = 20000;
    const std::jthread kvm([&] {
        for (std::uint64_t page = 0; page < pages; ++page) {
            while (flags_of(entry(page)).load(std::memory_order_acquire) != 0) {
                reset();
                std::this_thread::yield();
            }
            push(0, page);
        }
    });
    std::uint64_t next = 0;
    while (next < pages) {
        ring().harvest([&](std::uint32_t, std::uint64_t page) { EXPECT_EQ(page, next++); });
        std::this_thread::yield();
    }
}

}  // namespace
}  // namespace nestbed::vmm
