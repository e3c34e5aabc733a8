#include "tests/model/scenarios.hpp"

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

void World::access(std::uint64_t page, int times) {
    for (int i = 0; i < times; ++i) {
        machine.access(page);
    }
}

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all{
        {"one initiator, one reader", 2,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.unmap(0, 0);
             });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0, 2);
             });
         }},
        {"one initiator, two readers", 3,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.unmap(0, 0);
             });
             for (int reader = 0; reader < 2; ++reader) {
                 world.machine.add_cpu([&] {
                     world.load(0);
                     world.access(0, 2);
                 });
             }
         }},
        {"an initiator that reads its page", 1,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.unmap(0, 0);
                 world.access(0);
             });
         }},
        {"two initiators of one reader", 3,
         [](World& world) {
             for (std::uint64_t cpu = 0; cpu < 2; ++cpu) {
                 world.machine.add_cpu([&world, cpu] { world.unmap(0, cpu); });
             }
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.access(1);
                 world.access(0);
                 world.access(1);
             });
         }},
        {"three initiators, all targets of each other", 3,
         [](World& world) {
             for (std::uint64_t cpu = 0; cpu < 3; ++cpu) {
                 world.machine.add_cpu([&world, cpu] {
                     world.load(0);
                     world.unmap(0, cpu);
                 });
             }
         }},
        {"a range of two pages", 2,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.unmap(0, 1, 2);
             });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(1);
                 world.access(2);
                 world.access(1);
                 world.access(2);
             });
         }},
        {"two initiators that read each other's page", 2,
         [](World& world) {
             for (std::uint64_t cpu = 0; cpu < 2; ++cpu) {
                 world.machine.add_cpu([&world, cpu] {
                     world.load(0);
                     world.access(1 - cpu);
                     world.unmap(0, cpu);
                     world.access(1 - cpu);
                 });
             }
         }},
        {"a CPU comes and goes while it is shot at", 2,
         [](World& world) {
             world.machine.add_cpu([&] { world.unmap(0, 0); });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0, 2);
                 world.unload();
             });
         }},
        {"a CPU changes over from another space", 2,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.unmap(0, 0);
             });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.load(1);
                 world.access(0);
                 world.load(0);
                 world.access(0);
             });
         }},
        {"two initiators of two spaces, and a CPU in each", 2,
         [](World& world) {
             for (std::size_t cpu = 0; cpu < 2; ++cpu) {
                 world.machine.add_cpu([&world, cpu] {
                     world.load(1 - cpu);
                     world.access(0);
                     world.unmap(cpu, 0);
                     world.access(0);
                 });
             }
         }},
        {"two shootdowns one after the other", 2,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.unmap(0, 0);
                 world.unmap(0, 1);
             });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.access(1);
                 world.access(0);
                 world.access(1);
             });
         }},
        {"a table is freed", 2,
         [](World& world) {
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.unmap_table(0);
             });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.access(1);
             });
         }},
        {"a table is freed while a CPU unloads the space", 2,
         [](World& world) {
             world.machine.add_cpu([&] { world.unmap_table(0); });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.unload();
             });
         }},
        {"a table is freed while a CPU leaves the space", 2,
         [](World& world) {
             world.machine.add_cpu([&] { world.unmap_table(0); });
             world.machine.add_cpu([&] {
                 world.load(0);
                 world.access(0);
                 world.load(1);
                 world.access(0);
             });
         }},
    };
    return all;
}

}  // namespace nestbed::model
