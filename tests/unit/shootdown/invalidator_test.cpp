#include "shared/shootdown/invalidator.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "shared/paging/stale_batch.hpp"
#include "shared/shootdown/cpu_set.hpp"

namespace nestbed::shootdown {
namespace {

using paging::AddressSpaceId;
using paging::Frame4k;
using paging::Invalidation;
using paging::Page4k;
using paging::PageSize;
using paging::PhysAddr;
using paging::VirtAddr;

constexpr AddressSpaceId here{*Frame4k::from(PhysAddr(0x1000))};
constexpr AddressSpaceId elsewhere{*Frame4k::from(PhysAddr(0x2000))};

constexpr PageRange pages_at(std::uint64_t number, std::uint64_t count,
                             PageSize size = PageSize::size_4k) {
    return {VirtAddr(number * 4096), count, size};
}

Request everything(bool frees_tables = false) {
    Request request;
    request.everything = true;
    request.frees_tables = frees_tables;
    return request;
}

/// What is asked for, whatever pages a request for everything has.
void expect_request(const Invalidation& invalidation, const Request& expected) {
    const Request request = request_of(invalidation);
    EXPECT_EQ(request.everything, expected.everything);
    EXPECT_EQ(request.frees_tables, expected.frees_tables);
    if (!expected.everything) {
        EXPECT_EQ(request.pages, expected.pages);
    }
}

TEST(RequestOf, OneRangeIsThatRange) {
    expect_request(Invalidation::of(here, pages_at(7, 3)), pages_at(7, 3));
    const PageRange large = pages_at(512, 1, PageSize::size_2m);
    expect_request(Invalidation::of(here, large), large);
    // Its owner knows better than `max_single_invalidations`.
    const PageRange many = pages_at(0, paging::max_single_invalidations + 1);
    expect_request(Invalidation::of(here, &many, 1), many);
}

TEST(RequestOf, SeveralRangesAreTheirHull) {
    const PageRange ranges[] = {pages_at(20, 1), pages_at(7, 2), pages_at(0, 0), pages_at(30, 3)};
    expect_request(Invalidation::of(here, ranges, 4), pages_at(7, 26));
    const PageRange sizes[] = {pages_at(512, 1, PageSize::size_2m),
                               pages_at(1024, 1, PageSize::size_2m)};
    expect_request(Invalidation::of(here, sizes, 2), pages_at(512, 2, PageSize::size_2m));
}

TEST(RequestOf, RangesThatAreFarApartAreEverything) {
    constexpr std::uint64_t most = paging::max_single_invalidations;
    const PageRange near[] = {pages_at(0, 1), pages_at(most - 1, 1)};
    expect_request(Invalidation::of(here, near, 2), pages_at(0, most));
    const PageRange far[] = {pages_at(0, 1), pages_at(most, 1), pages_at(1, 1)};
    expect_request(Invalidation::of(here, far, 3), everything());
}

TEST(RequestOf, EverythingAndFreedTablesAreKept) {
    expect_request(Invalidation::of_everything(here), everything());
    expect_request(Invalidation::of_everything(here, true), everything(true));
    Request expected(pages_at(7, 3));
    expected.frees_tables = true;
    expect_request(Invalidation::of(here, pages_at(7, 3), true), expected);
    expect_request(Invalidation::of(here, pages_at(0, 100), true), everything(true));
    expect_request(Invalidation::of(here, pages_at(7, 0), true), everything(true));
}

struct SpaceOfHere {
    AddressSpaceId id() const { return here; }
    AtomicCpuSet& active_set() { return active; }
    AtomicCpuSet active;
};

struct Recorder {
    void shoot(SpaceOfHere& space, const Request& request) {
        spaces.push_back(&space);
        requests.push_back(request);
    }
    std::vector<const SpaceOfHere*> spaces;
    std::vector<Request> requests;
};

TEST(AShootdownInvalidator, ShootsOnceForAWholeBatch) {
    Recorder protocol;
    SpaceOfHere space;
    paging::StaleBatch<2> batch(here);
    for (const std::uint64_t number : {3U, 9U}) {
        const auto page = Page4k::containing(VirtAddr(number * 4096));
        ASSERT_TRUE(batch.add(paging::StaleTlbEntry<PageSize::size_4k>(
            here, page, *Frame4k::from(PhysAddr(number * 4096)), paging::Pte())));
    }
    std::vector<PhysAddr> freed;
    batch.invalidate(ShootdownInvalidator(protocol, space), [&](PhysAddr frame, PageSize) {
        EXPECT_EQ(protocol.requests.size(), 1U) << "freed before the shootdown";
        freed.push_back(frame);
    });
    EXPECT_EQ(freed.size(), 2U);
    EXPECT_EQ(protocol.requests, std::vector<Request>{pages_at(3, 7)});
    EXPECT_EQ(protocol.spaces, std::vector<const SpaceOfHere*>{&space});
}

TEST(AShootdownInvalidator, RefusesWhatItCannotPay) {
    Recorder protocol;
    SpaceOfHere space;
    const ShootdownInvalidator pay(protocol, space);
    EXPECT_DEATH(pay(Invalidation::of(elsewhere, pages_at(7, 1))), "another address space");
    const PageRange kernel = {VirtAddr(0xffff'8000'0000'0000), 1};
    EXPECT_DEATH(pay(Invalidation::of(here, kernel)), "kernel's half");
    const PageRange mixed[] = {pages_at(7, 1), kernel};
    EXPECT_DEATH(pay(Invalidation::of(here, mixed, 2)), "kernel's half");
}

TEST(WhatIsCachedNowhere, IsPaidWhileNoCpuHasTheSpaceLoaded) {
    SpaceOfHere space;
    const CachedNowhere pay(space);
    pay(Invalidation::of(here, pages_at(7, 1)));
    pay(Invalidation::of_everything(here, true));
    EXPECT_DEATH(pay(Invalidation::of(elsewhere, pages_at(7, 1))), "another address space");
    space.active.insert(3);
    EXPECT_DEATH(pay(Invalidation::of(here, pages_at(7, 1))), "a CPU has it loaded");
    space.active.erase(3);
    pay(Invalidation::of(here, pages_at(7, 1)));
}

}  // namespace
}  // namespace nestbed::shootdown
