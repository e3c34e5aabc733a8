// What the machine's CPUs translate with: page walks, TLBs, paging-structure caches; and the frames
// and tables that these must not reach any more.
#include "tests/model/machine.hpp"

namespace nestbed::model {

namespace {

constexpr std::uint64_t pages_of_large_page = 512;

}  // namespace

Leaf Root::leaf(std::uint64_t table, std::uint64_t page) const {
    return {Machine::current().table(table).entries[page % Table::pages].value};
}

bool Machine::can_speculate(const Cpu& cpu) const {
    // One page is enough to go wrong with; scenarios have their first page for it. Only where it
    // changes something, since a walk that finds nothing is no event.
    if (cpu.finished || cpu.descheduled || cpu.root == nullptr || cpu.tlb.contains(0)) {
        return false;
    }
    if (const auto cached = cpu.tables.find(0); cached != cpu.tables.end()) {
        return cpu.root->leaf(cached->second, 0).frame != 0;
    }
    const PagingStructures::Way way = cpu.root->way_to(0);
    return way.table != 0 || way.large.frame != 0;
}

void Machine::speculate(Cpu& cpu) {
    if (!cpu.tables.contains(0)) {
        const PagingStructures::Way way = cpu.root->way_to(0);
        if (way.table == 0) {
            cpu.tlb[0] = {way.large, /*large=*/true};
            return;
        }
        cpu.tables[0] = way.table;
    }
    const std::uint64_t table = cpu.tables[0];
    if (freed_tables_.contains(table)) {
        violate("a speculative walk reads a table that is free");
        return;
    }
    if (const Leaf leaf = cpu.root->leaf(table, 0); leaf.frame != 0) {
        cpu.tlb[0] = {leaf, /*large=*/false};
    }
}

void Machine::load_cr3(const PagingStructures* root) {
    step();
    Cpu& cpu = cpus_[running_];
    drain_all(cpu);  // a serializing instruction
    cpu.root = root;
    cpu.tlb.clear();
    cpu.tables.clear();
}

void Machine::invalidate_page(std::uint64_t page) {
    step();
    Cpu& cpu = cpus_[running_];
    drain_all(cpu);  // INVLPG is serializing
    cpu.tlb.erase(page);
    // Of a large page it takes all parts (SDM Vol. 3A 4.10.4.1).
    std::erase_if(cpu.tlb, [page](const auto& entry) {
        return entry.second.large &&
               entry.first / pages_of_large_page == page / pages_of_large_page;
    });
    if (cpu.root != nullptr) {
        cpu.tables.erase(page / cpu.root->pages_per_table());
    }
}

void Machine::flush_tlb() {
    step();
    Cpu& cpu = cpus_[running_];
    drain_all(cpu);
    cpu.tlb.clear();
    cpu.tables.clear();
}

std::optional<Machine::Translation> Machine::translate(std::uint64_t page) {
    Cpu& cpu = cpus_[running_];
    if (const auto cached = cpu.tlb.find(page); cached != cpu.tlb.end()) {
        return cached->second;
    }
    if (cpu.root == nullptr) {
        return std::nullopt;
    }
    const std::uint64_t index = page / cpu.root->pages_per_table();
    if (!cpu.tables.contains(index)) {
        const PagingStructures::Way way = cpu.root->way_to(page);
        if (way.large.frame != 0) {
            return cpu.tlb[page] = {way.large, /*large=*/true};
        }
        if (way.table == 0) {
            return std::nullopt;
        }
        cpu.tables[index] = way.table;
        step(/*boundary=*/false);
    }
    const std::uint64_t table = cpu.tables[index];
    if (freed_tables_.contains(table)) {
        violate("a page walk reads a table that is free");
        return std::nullopt;
    }
    const Leaf leaf = cpu.root->leaf(table, page);
    if (leaf.frame == 0) {
        return std::nullopt;
    }
    return cpu.tlb[page] = {leaf, /*large=*/false};
}

bool Machine::access(std::uint64_t page, bool write) {
    step();
    const std::optional<Translation> translation = translate(page);
    if (!translation || (write && !translation->leaf.writable)) {
        return false;
    }
    // Between the walk and the access other CPUs may do anything, but no interrupt comes.
    step(/*boundary=*/false);
    if (freed_[translation->leaf.frame] != 0) {
        violate("an access to page " + std::to_string(page) + " reaches a frame that is free");
    }
    if (write && read_only_.contains(translation->leaf.frame)) {
        violate("a write to page " + std::to_string(page) + " by a right that was taken away");
    }
    return true;
}

std::uint64_t Machine::allocate_frame() {
    if (freed_.empty()) {
        freed_.push_back(1);  // number 0
    }
    freed_.push_back(0);
    return freed_.size() - 1;
}

std::uint64_t Machine::allocate_large_frame() {
    const std::size_t first = (freed_.size() / pages_of_large_page + 1) * pages_of_large_page;
    freed_.resize(first + pages_of_large_page);
    return first;
}

void Machine::free_frame(std::uint64_t frame) {
    if (++freed_[frame] > 1) {
        violate("a frame is freed twice");
    }
}

std::uint64_t Machine::allocate_table() {
    tables_.emplace_back();
    return tables_.size();
}

void Machine::free_table(std::uint64_t number) {
    if (!freed_tables_.insert(number).second) {
        violate("a table is freed twice");
    }
    for (std::uint32_t cpu = 0; cpu < cpus_.size(); ++cpu) {
        for (const auto& [index, cached] : cpus_[cpu].tables) {
            if (cached == number && can_walk_again(cpus_[cpu])) {
                // Its walker may read the table at any moment, whatever its code does.
                violate("a table is freed that CPU " + std::to_string(cpu) + " can still walk");
            }
        }
    }
}

}  // namespace nestbed::model
