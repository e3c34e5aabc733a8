#include "guest/kernel/address_space.hpp"

#include <cstring>

#include "guest/kernel/boot.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

namespace {

constexpr std::size_t kernel_half = paging::entries_per_table / 2;

/// The root that the VMM made. CPU 0 reads it before it ever loads another.
paging::Frame4k boot_root() {
    static const paging::Frame4k root = paging::root_of_cr3(read_cr3());
    return root;
}

paging::Frame4k make_root() {
    const auto root = frames().allocate_zeroed();
    if (!root) {
        panic("no frame for the root of an address space");
    }
    const DirectMapWindow window;
    std::uint64_t* entries = window(*root);
    const std::uint64_t* kernel = window(boot_root());
    entries[0] = boot_info().user_tables;
    std::memcpy(entries + kernel_half, kernel + kernel_half, kernel_half * sizeof(std::uint64_t));
    return *root;
}

paging::EntryFormat entry_format() {
    const channel::Features& features = boot_info().features;
    return {.maxphyaddr = features.max_physical_bits,
            .nxe = features.no_execute != 0,
            .pages_1g = features.page_1g != 0};
}

}  // namespace

AddressSpace::AddressSpace()
    : mapper_({.root = make_root(), .format = entry_format()}, DirectMapWindow{}, frames()) {}

void AddressSpace::load() {
    // A shootdown between the two stores below would find the old space not loaded any more and
    // acknowledge without an invalidation, while CR3 still points to it.
    const InterruptsOff guard;
    Cpu& cpu = this_cpu();
    AddressSpace* previous = cpu.address_space;
    if (previous == this) {
        return;
    }
    active_.insert(cpu.index);
    cpu.address_space = this;
    write_cr3(mapper_.settings().root.address().raw());
    if (previous != nullptr) {
        previous->active_.erase(cpu.index);
    }
}

void AddressSpace::unload() {
    const InterruptsOff guard;  // as in load()
    Cpu& cpu = this_cpu();
    AddressSpace* previous = cpu.address_space;
    if (previous == nullptr) {
        return;
    }
    cpu.address_space = nullptr;
    write_cr3(boot_root().address().raw());
    previous->active_.erase(cpu.index);
}

void LocalInvalidator::invalidate(paging::AddressSpaceId space, paging::VirtAddr address) {
    const AddressSpace* loaded = this_cpu().address_space;
    // CR3 loads flush, and no PCID keeps translations of a space that is not loaded.
    if (loaded != nullptr && loaded->id() == space) {
        invlpg(address.raw());
    }
}

}  // namespace nestbed::guest
