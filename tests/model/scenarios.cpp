#include "tests/model/scenarios.hpp"

#include <utility>

namespace nestbed::model {

World::World(Schedule& schedule, Habits habits, const Candidate& candidate,
             const Scenario& scenario)
    : machine(schedule, habits),
      flaws_(candidate.flaws),
      pay_(candidate.pay),
      spaces_(candidate.spaces()),
      platform_{*spaces_, flaws_, {}},
      protocol_(candidate.protocol(platform_)) {
    for (Space& space : space_) {
        space.table = machine.allocate_table();
        space.root.entries[0].value = space.table;
        space.simulated.root = &space.root;
        for (Cell& entry : machine.table(space.table).entries) {
            entry.value = machine.allocate_frame();
        }
    }
    if (scenario.mapped) {
        map_first_space();
    }
    machine.set_interrupt_handler([this] { protocol_->handle_interrupt(); });
    machine.set_nmi_handler([this] { protocol_->handle_nmi(); });
    if (protocol_->ticks()) {
        machine.set_tick_handler([this] { protocol_->tick(); });
    }
    for (const Scenario::Script& script : scenario.cpus) {
        machine.add_cpu([this, &script] { run_script(script); });
    }
    scenario.preemptible.for_each([this](std::uint32_t cpu) {
        machine.make_preemptible(cpu, platform_.preempted(cpu).cell());
    });
}

void World::run_script(const Scenario::Script& script) {
    script(*this);
    if (!protocol_->polls()) {
        return;
    }
    scripts_over_.fetch_add(1);
    while (scripts_over_.load() != machine.cpu_count()) {
        poll();
        machine.pause();
    }
}

void World::poll() {
    if (protocol_->polls()) {
        protocol_->poll();
    }
}

void World::load(std::size_t space) {
    poll();
    SimulatedSpace& simulated = space_[space].simulated;
    machine.disable_interrupts();
    spaces_->load(simulated, [&] {
        if (!flaws_.loading_after_cr3) {
            protocol_->loading(simulated);
        }
        machine.load_cr3(simulated.root);
        if (flaws_.loading_after_cr3) {
            protocol_->loading(simulated);
        }
    });
    machine.enable_interrupts();
}

void World::unload() {
    poll();
    machine.disable_interrupts();
    spaces_->unload();
    machine.enable_interrupts();
}

std::uint64_t World::clear(std::size_t space, std::uint64_t page) {
    Cell& entry = machine.table(space_[space].table).entries[page];
    const std::uint64_t frame = entry.value;
    machine.store(entry, 0);
    return frame;
}

void World::unmap(std::size_t space, std::uint64_t first, std::uint64_t pages) {
    poll();
    std::vector<std::uint64_t> frames;
    for (std::uint64_t page = first; page < first + pages; ++page) {
        frames.push_back(clear(space, page));
    }
    const paging::PageRange range{paging::VirtAddr(first * 4096), pages};
    protocol_->shoot(space_[space].simulated, range);
    for (const std::uint64_t frame : frames) {
        machine.free_frame(frame);
    }
}

void World::unmap_later(std::size_t space, std::uint64_t page) {
    poll();
    const std::uint64_t frame = clear(space, page);
    const paging::PageRange range{paging::VirtAddr(page * 4096), 1};
    Passed passed = protocol_->post(space_[space].simulated, range);
    held_[machine.cpu()].push_back({frame, std::move(passed)});
}

void World::reclaim() {
    std::erase_if(held_[machine.cpu()], [this](const Held& held) {
        const bool passed = held.passed();
        if (passed) {
            machine.free_frame(held.frame);
        }
        return passed;
    });
}

void World::reclaim_all() {
    for (reclaim(); !held_[machine.cpu()].empty(); reclaim()) {
        machine.pause();
    }
}

void World::unmap_table(std::size_t space) {
    poll();
    machine.store(space_[space].root.entries[0], 0);
    shootdown::Request request;
    request.everything = true;
    request.frees_tables = true;
    protocol_->shoot(space_[space].simulated, request);
    for (const Cell& entry : machine.table(space_[space].table).entries) {
        if (entry.value != 0) {
            machine.free_frame(entry.value);
        }
    }
    machine.free_table(space_[space].table);
}

void World::access(std::uint64_t page) {
    poll();
    machine.access(page);
}

void World::write(std::uint64_t page) {
    poll();
    machine.access(page, /*write=*/true);
}

void World::enter_lazy() { protocol_->enter_lazy(); }

void World::leave_lazy() { protocol_->leave_lazy(); }

void World::disable_interrupts() { machine.disable_interrupts(); }

void World::enable_interrupts() { machine.enable_interrupts(); }

namespace {

using shootdown::ProtocolId;
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

/// A CPU that has shot down in the one space when it is shot at in the other.
void unmap_and_change_over(World& world) {
    world.load(0);
    world.unmap(0, 0);
    world.load(1);
    world.access(0);
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

void unmap_page_then_table(World& world) {
    world.load(0);
    world.unmap(0, 0);
    world.unmap_table(0);
}

/// A CPU that reads these pages, uses none for a while, and reads them again.
Script lazy_reader(std::vector<std::uint64_t> pages) {
    return [pages = std::move(pages)](World& world) {
        world.load(0);
        for (const std::uint64_t page : pages) {
            world.access(page);
        }
        world.enter_lazy();
        world.leave_lazy();
        for (const std::uint64_t page : pages) {
            world.access(page);
        }
    };
}

/// A CPU that unmaps three pages and frees their frames as it may.
void unmap_three_pages_later(World& world) {
    world.load(0);
    for (const std::uint64_t page : {0, 1, 2}) {
        world.unmap_later(0, page);
        world.reclaim();
    }
    world.reclaim_all();
}

/// A CPU that reads pages that the one above unmaps, and waits for a shootdown of its own.
void read_and_unmap_another(World& world) {
    world.load(0);
    world.access(2);
    world.unmap(0, 3);
    world.access(2);
}

/// As `reader_and_initiator`, with interrupts off while it reads and waits.
Script initiator_with_interrupts_off(std::uint64_t reads, std::uint64_t unmaps) {
    return [reads, unmaps](World& world) {
        world.load(0);
        world.disable_interrupts();
        world.access(reads);
        world.unmap(0, unmaps);
        world.access(reads);
        world.enable_interrupts();
    };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all{
        {.name = "a CPU is lazy while it is shot at",
         .cpus = {initiator(0), lazy_reader({0})},
         .only = ProtocolId::generation},
        {.name = "a lazy CPU misses two shootdowns",
         .cpus = {unmap_two_pages_one_by_one, lazy_reader({0, 1})},
         .only = ProtocolId::generation},
        {.name = "a table is freed while a CPU is lazy",
         .cpus = {load_and_unmap_table, lazy_reader({0})},
         .only = ProtocolId::generation},
        {.name = "a lazy CPU misses a page and is shot at for the table",
         .cpus = {unmap_page_then_table, lazy_reader({0})},
         .only = ProtocolId::generation},

        {.name = "a CPU changes over from a space that was shot at",
         .cpus = {[](World& world) { world.unmap(1, 0); }, unmap_and_change_over},
         .only = ProtocolId::generation},

        {.name = "frames are freed when their requests have passed",
         .cpus = {unmap_three_pages_later, reader({0, 0})},
         .only = ProtocolId::deferred},
        {.name = "frames wait, and a CPU that reads them waits too",
         .cpus = {unmap_three_pages_later, read_and_unmap_another},
         .only = ProtocolId::deferred},

        {.name = "a target is descheduled",
         .cpus = {initiator(0), reader({0, 0})},
         .only = ProtocolId::paravirtual,
         .preemptible = CpuSet::of(1)},
        {.name = "an initiator is descheduled",
         .cpus = {reader_and_initiator(1, 0), reader_and_initiator(0, 1)},
         .only = ProtocolId::paravirtual,
         .preemptible = CpuSet::of(0)},
        {.name = "a target is descheduled, another is not",
         .cpus = {initiator(0), reader({0, 0}), reader({0, 0})},
         .only = ProtocolId::paravirtual,
         .preemptible = CpuSet::of(1)},
        {.name = "a CPU is descheduled while it changes over",
         .cpus = {initiator(0), change_over_and_back},
         .only = ProtocolId::paravirtual,
         .preemptible = CpuSet::of(1)},
        {.name = "a table is freed while a CPU is descheduled",
         .cpus = {load_and_unmap_table, reader({0, 1})},
         .only = ProtocolId::paravirtual,
         .preemptible = CpuSet::of(1)},

        {.name = "two initiators with interrupts off",
         .cpus = {initiator_with_interrupts_off(1, 0), initiator_with_interrupts_off(0, 1)},
         .only = ProtocolId::nmi},

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
