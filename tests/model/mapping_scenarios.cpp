// Scenarios in which the tables are the entry library's: a CPU changes them by the mapper, and pays
// what its tokens owe, while others use the pages.
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "shared/paging/stale_batch.hpp"
#include "tests/model/scenarios.hpp"

namespace nestbed::model {

namespace {

using paging::Frame4k;
using paging::Page2m;
using paging::Page4k;
using paging::PageRange;
using paging::PhysAddr;
using paging::VirtAddr;
using Script = Scenario::Script;

constexpr std::uint64_t page_bytes = paging::bytes_of(paging::PageSize::size_4k);
constexpr std::uint64_t pages_of_large_page = 512;
constexpr paging::Flags flags(paging::Permission::read | paging::Permission::write |
                              paging::Permission::user);

Page4k page_at(std::uint64_t page) { return Page4k::containing(VirtAddr(page * page_bytes)); }

PageRange range_at(std::uint64_t page, std::uint64_t pages) {
    return PageRange::of(page_at(page), pages);
}

const Page2m the_large_page = Page2m::containing(page_at(large_page).address());

Frame4k frame_of(std::uint64_t number) { return *Frame4k::from(PhysAddr(number * page_bytes)); }

/// What must succeed, since the scenario is written so.
template <typename T>
T must(paging::Result<T> result) {
    return std::move(*result);
}
void must(const paging::Result<void>& result) {
    if (!result) {
        std::abort();
    }
}

}  // namespace

void World::map_first_space() {
    mapped_.emplace(machine);
    SimulatedSpace& space = space_[0].simulated;
    space.root = &*mapped_;
    space.name = mapped_->mapper().space();
    for (const std::uint64_t page :
         std::initializer_list<std::uint64_t>{0, 1, 2, 3, distant_page}) {
        must(mapped_->mapper().map(page_at(page), frame_of(machine.allocate_frame()), flags));
    }
    must(mapped_->mapper().map_range(range_at(large_page, pages_of_large_page),
                                     frame_of(machine.allocate_large_frame()), flags,
                                     paging::PageSize::size_2m));
}

void World::pay(const paging::Invalidation& owed) { pay_(*protocol_, space_[0].simulated, owed); }

template <typename GiveBack>
void World::pay_for(GiveBack&& give_back) {
    if (!flaws_.given_back_first) {
        give_back([this](const paging::Invalidation& owed) { pay(owed); });
        return;
    }
    std::optional<paging::Invalidation> owed;
    give_back([&](const paging::Invalidation& invalidation) { owed = invalidation; });
    pay(paging::Invalidation::of_everything(owed.value().space(), owed->frees_tables()));
}

void World::begin_operation() {
    poll();
    machine.fence();
}

void World::remap(std::uint64_t page) {
    begin_operation();
    const std::uint64_t frame = machine.allocate_frame();
    auto stale = must(mapped_->mapper().remap(page_at(page), frame_of(frame), flags));
    pay_for([&](auto invalidator) {
        machine.free_frame(std::move(stale).invalidate(invalidator).number());
    });
}

void World::unmap_together(const std::vector<std::uint64_t>& pages, std::uint64_t most) {
    begin_operation();
    constexpr std::size_t most_frames = 4;
    paging::StaleBatch<most_frames> batch(mapped_->mapper().space(), most);
    for (const std::uint64_t page : pages) {
        must(batch.add(must(mapped_->mapper().unmap(page_at(page)))));
    }
    pay_for([&](auto invalidator) {
        batch.invalidate(invalidator, [this](PhysAddr frame, paging::PageSize) {
            machine.free_frame(frame.raw() / page_bytes);
        });
    });
}

void World::forbid_writes(std::uint64_t page) {
    begin_operation();
    const paging::Flags read_only(paging::Permission::read | paging::Permission::user);
    auto stale = must(mapped_->mapper().protect(page_at(page), read_only));
    const std::uint64_t frame = stale.old_entry().leaf_frame()->number();
    std::move(stale).invalidate([this](const paging::Invalidation& owed) { pay(owed); });
    machine.forbid_writes(frame);
}

void World::unmap_range(std::uint64_t first, std::uint64_t pages) {
    begin_operation();
    auto detached = must(mapped_->mapper().unmap_range(range_at(first, pages)));
    pay_for([&](auto invalidator) {
        auto done = std::move(detached).invalidate(invalidator);
        mapped_->mapper().reclaim(std::move(done), [this](const paging::UnmappedPage& page) {
            for (std::uint64_t n = 0; n < bytes_of(page.size) / page_bytes; ++n) {
                machine.free_frame(page.frame.raw() / page_bytes + n);
            }
        });
    });
}

void World::split() {
    begin_operation();
    auto stale = must(mapped_->mapper().split(the_large_page));
    std::move(stale).invalidate([this](const paging::Invalidation& owed) { pay(owed); });
}

void World::merge() {
    begin_operation();
    auto detached = must(mapped_->mapper().merge(the_large_page));
    pay_for([&](auto invalidator) {
        mapped_->mapper().reclaim(std::move(detached).invalidate(invalidator));
    });
}

namespace {

/// A CPU that has the space loaded and changes it.
template <typename Change>
Script changer(Change change) {
    return [change](World& world) {
        world.load(0);
        change(world);
    };
}

/// A CPU that has the space loaded and uses these pages, twice.
Script user_of(std::vector<std::uint64_t> pages) {
    return [pages = std::move(pages)](World& world) {
        world.load(0);
        for (int n = 0; n < 2; ++n) {
            for (const std::uint64_t page : pages) {
                world.access(page);
            }
        }
    };
}

/// The same for a CPU that is lazy in between.
Script lazy_user_of(std::uint64_t page) {
    return [page](World& world) {
        world.load(0);
        world.access(page);
        world.enter_lazy();
        world.leave_lazy();
        world.access(page);
    };
}

void write_twice(World& world) {
    world.load(0);
    world.write(0);
    world.write(0);
}

void come_and_go(World& world) {
    world.load(0);
    world.access(0);
    world.unload();
    world.load(0);
    world.access(0);
}

void unmap_the_first_table(World& world) { world.unmap_range(0, large_page); }

/// The table goes with a request for a few pages, since nothing else is left in it.
void unmap_the_last_pages(World& world) {
    world.unmap_range(distant_page, 1);
    world.unmap_range(0, 4);
}

void split_and_unmap_a_part(World& world) {
    world.split();
    world.unmap_range(large_page + 1, 1);
}

void split_and_merge(World& world) {
    world.split();
    world.merge();
}

}  // namespace

const std::vector<Scenario>& mapping_scenarios() {
    constexpr std::uint64_t few = paging::max_single_invalidations;
    static const std::vector<Scenario> all{
        {.name = "a page is remapped",
         .cpus = {changer([](World& world) { world.remap(0); }), user_of({0})},
         .mapped = true},
        {.name = "a page is remapped under two users",
         .cpus = {changer([](World& world) { world.remap(0); }), user_of({0}), user_of({0})},
         .mapped = true},
        {.name = "a batch of two ranges",
         .cpus = {changer([](World& world) {
                      world.unmap_together({0, 2}, few);
                  }),
                  user_of({0, 2})},
         .mapped = true},
        {.name = "a batch of two distant ranges",
         .cpus = {changer([](World& world) {
                      world.unmap_together({0, distant_page}, few);
                  }),
                  user_of({0, distant_page})},
         .mapped = true},
        {.name = "a batch of more pages than are worth it",
         .cpus = {changer([](World& world) {
                      world.unmap_together({0, 2}, 1);
                  }),
                  user_of({0, 2})},
         .mapped = true},
        {.name = "a page loses a right",
         .cpus = {changer([](World& world) { world.forbid_writes(0); }), write_twice},
         .mapped = true},
        {.name = "a range is unmapped with its table",
         .cpus = {changer(unmap_the_first_table), user_of({0, 1})},
         .mapped = true},
        {.name = "a range is unmapped from outside while a CPU comes and goes",
         .cpus = {unmap_the_first_table, come_and_go},
         .mapped = true},
        {.name = "a range is unmapped with its table while a CPU is lazy",
         .cpus = {changer(unmap_the_first_table), lazy_user_of(0)},
         .only = shootdown::ProtocolId::generation,
         .mapped = true},
        {.name = "the last pages of a table are unmapped",
         .cpus = {changer(unmap_the_last_pages), user_of({0})},
         .mapped = true},
        {.name = "the last pages of a table are unmapped while a CPU is lazy",
         .cpus = {changer(unmap_the_last_pages), lazy_user_of(0)},
         .only = shootdown::ProtocolId::generation,
         .mapped = true},
        {.name = "a part of a large page is unmapped",
         .cpus = {changer(split_and_unmap_a_part), user_of({large_page, large_page + 1})},
         .mapped = true},
        {.name = "a large page is split and merged",
         .cpus = {changer(split_and_merge), user_of({large_page})},
         .mapped = true},
        {.name = "a large page is split and merged while a CPU is lazy",
         .cpus = {changer(split_and_merge), lazy_user_of(large_page)},
         .only = shootdown::ProtocolId::generation,
         .mapped = true},
    };
    return all;
}

}  // namespace nestbed::model
