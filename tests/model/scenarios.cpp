#include "tests/model/scenarios.hpp"

#include <utility>

namespace nestbed::model {

World::World(Schedule& schedule, Habits habits, const Candidate& candidate)
    : machine(schedule, habits),
      spaces_(candidate.spaces()),
      platform_{*spaces_, candidate.fence_before_interrupt},
      protocol_(candidate.protocol(platform_)) {
    for (Space& space : space_) {
        space.table = machine.allocate_table();
        space.simulated.root.entries[0].value = space.table;
        for (Cell& entry : machine.table(space.table).entries) {
            entry.value = machine.allocate_frame();
        }
    }
    machine.set_interrupt_handler([this] { protocol_->handle_interrupt(); });
}

void World::load(std::size_t space) {
    machine.disable_interrupts();
    spaces_->load(space_[space].simulated);
    machine.enable_interrupts();
}

void World::unload() {
    machine.disable_interrupts();
    spaces_->unload();
    machine.enable_interrupts();
}

void World::unmap(std::size_t space, std::uint64_t first, std::uint64_t pages) {
    std::vector<std::uint64_t> frames;
    for (std::uint64_t page = first; page < first + pages; ++page) {
        Cell& entry = machine.table(space_[space].table).entries[page];
        frames.push_back(entry.value);
        machine.store(entry, 0);
    }
    const paging::PageRange range{paging::VirtAddr(first * 4096), pages};
    protocol_->shoot(space_[space].simulated, range);
    for (const std::uint64_t frame : frames) {
        machine.free_frame(frame);
    }
}

void World::unmap_table(std::size_t space) {
    machine.store(space_[space].simulated.root.entries[0], 0);
    shootdown::Request request;
    request.everything = true;
    request.frees_tables = true;
    protocol_->shoot(space_[space].simulated, request);
    for (const Cell& entry : machine.table(space_[space].table).entries) {
        machine.free_frame(entry.value);
    }
    machine.free_table(space_[space].table);
}

void World::access(std::uint64_t page) { machine.access(page); }

namespace {

using Script = Scenario::Script;

/// A CPU that has the space loaded and unmaps a page.
Script initiator(std::uint64_t page) {
    return [page](World& world) {
        world.load(0);
        world.unmap(0, page);
    };
}

/// A CPU that unmaps a page of a space that it has not loaded.
Script outside_initiator(std::uint64_t page) {
    return [page](World& world) { world.unmap(0, page); };
}

/// A CPU that has the space loaded and reads these pages.
Script reader(std::vector<std::uint64_t> pages) {
    return [pages = std::move(pages)](World& world) {
        world.load(0);
        for (const std::uint64_t page : pages) {
            world.access(page);
        }
    };
}

/// A CPU that reads one page and unmaps another, which another CPU reads.
Script reader_and_initiator(std::uint64_t reads, std::uint64_t unmaps) {
    return [reads, unmaps](World& world) {
        world.load(0);
        world.access(reads);
        world.unmap(0, unmaps);
        world.access(reads);
    };
}

void unmap_two_pages_at_once(World& world) {
    world.load(0);
    world.unmap(0, 1, 2);
}

void unmap_two_pages_one_by_one(World& world) {
    world.load(0);
    world.unmap(0, 0);
    world.unmap(0, 1);
}

void come_and_go(World& world) {
    world.load(0);
    world.access(0);
    world.access(0);
    world.unload();
}

void change_over_and_back(World& world) {
    world.load(0);
    world.access(0);
    world.load(1);
    world.access(0);
    world.load(0);
    world.access(0);
}

void change_over(World& world) {
    world.load(0);
    world.access(0);
    world.load(1);
    world.access(0);
}

/// A CPU in the other's space that unmaps a page of its own.
Script initiator_in_the_other_space(std::size_t space) {
    return [space](World& world) {
        world.load(1 - space);
        world.access(0);
        world.unmap(space, 0);
        world.access(0);
    };
}

void load_and_unmap_table(World& world) {
    world.load(0);
    world.unmap_table(0);
}

void unmap_table_from_outside(World& world) { world.unmap_table(0); }

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all{
        {"one initiator, one reader", {initiator(0), reader({0, 0})}},
        {"one initiator, two readers", {initiator(0), reader({0, 0}), reader({0, 0})}},
        {"an initiator that reads its page", {reader_and_initiator(0, 0)}},
        {"two initiators of one reader",
         {outside_initiator(0), outside_initiator(1), reader({0, 1, 0, 1})}},
        {"three initiators, all targets of each other", {initiator(0), initiator(1), initiator(2)}},
        {"a range of two pages", {unmap_two_pages_at_once, reader({1, 2, 1, 2})}},
        {"two initiators that read each other's page",
         {reader_and_initiator(1, 0), reader_and_initiator(0, 1)}},
        {"a CPU comes and goes while it is shot at", {outside_initiator(0), come_and_go}},
        {"a CPU changes over from another space", {initiator(0), change_over_and_back}},
        {"two initiators of two spaces, and a CPU in each",
         {initiator_in_the_other_space(0), initiator_in_the_other_space(1)}},
        {"two shootdowns one after the other", {unmap_two_pages_one_by_one, reader({0, 1, 0, 1})}},
        {"a table is freed", {load_and_unmap_table, reader({0, 1})}},
        {"a table is freed while a CPU unloads the space", {unmap_table_from_outside, come_and_go}},
        {"a table is freed while a CPU leaves the space", {unmap_table_from_outside, change_over}},
    };
    return all;
}

}  // namespace nestbed::model
