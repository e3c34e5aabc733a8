#include "guest/kernel/address_space.hpp"

#include "guest/kernel/boot.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "shared/paging/page_table_root.hpp"

namespace nestbed::guest {

constinit shootdown::ActiveSpaces<AddressSpace, channel::max_cpus> active_spaces;

namespace {

using paging::PageTableRoot;

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
    // All zero, which is an empty root already.
    auto& table = *in_direct_map<PageTableRoot<>>(root->address());
    table.share_kernel_half_of(*in_direct_map<PageTableRoot<>>(boot_root().address()));
    const paging::Pml4e user_image(boot_info().user_tables);
    if (!table.set(paging::TableIndex<paging::Level::pml4>::at<0>(), user_image)) {
        panic("the user image is not in the user's half");
    }
    constexpr auto test_memory =
        paging::TableIndex<paging::Level::pml4>::of(paging::VirtAddr(channel::layout::test_memory));
    if (!table.set(test_memory, paging::Pml4e(boot_info().test_memory.tables))) {
        panic("the test memory is not in the user's half");
    }
    return *root;
}

/// CR3 loads flush, and no PCID keeps translations of a space that is not loaded.
bool is_loaded_here(paging::AddressSpaceId space) {
    const AddressSpace* loaded = active_spaces.current(this_cpu_index());
    return loaded != nullptr && loaded->id() == space;
}

}  // namespace

AddressSpace::AddressSpace()
    : mapper_({.root = make_root(), .format = boot_info().features.entry_format()},
              DirectMapWindow{}, frames()) {}

void AddressSpace::unload() {
    const InterruptsOff guard;
    active_spaces.unload(this_cpu_index(), [] { load_root(boot_root()); });
}

void LocalInvalidator::operator()(const paging::Invalidation& request) const {
    if (!is_loaded_here(request.space())) {
        return;
    }
    if (request.everything()) {
        flush_tlb();
    } else {
        request.for_each_page([](paging::VirtAddr page) { invlpg(page.raw()); });
    }
}

}  // namespace nestbed::guest
