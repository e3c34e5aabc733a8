#include "guest/kernel/flush.hpp"

#include "guest/kernel/boot.hpp"
#include "guest/kernel/instructions.hpp"

namespace nestbed::guest {

namespace {

bool is_invpcid(FlushPrimitive primitive) {
    return static_cast<std::uint64_t>(primitive) >=
           static_cast<std::uint64_t>(FlushPrimitive::invpcid_address);
}

void flush_everything(FlushPrimitive primitive) {
    switch (primitive) {
        case FlushPrimitive::invlpg:
        case FlushPrimitive::invpcid_address:
        case FlushPrimitive::pge:
            flush_tlb();
            return;
        case FlushPrimitive::cr3:
            write_cr3(read_cr3());
            return;
        case FlushPrimitive::invpcid_context:
            invpcid(InvpcidType::single_context);
            return;
        case FlushPrimitive::invpcid_all:
            invpcid(InvpcidType::all_contexts);
            return;
        case FlushPrimitive::invpcid_non_global:
            invpcid(InvpcidType::all_contexts_but_global);
            return;
    }
}

}  // namespace

bool has(FlushPrimitive primitive) {
    return !is_invpcid(primitive) || boot_info().features.invpcid != 0;
}

void flush(const shootdown::Request& request, const FlushPolicy& policy) {
    if (request.everything || !study::is_by_page(policy.primitive) ||
        request.pages.pages > policy.threshold) {
        flush_everything(policy.primitive);
    } else if (policy.primitive == FlushPrimitive::invlpg) {
        request.pages.for_each([](paging::VirtAddr address) { invlpg(address.raw()); });
    } else {
        request.pages.for_each(
            [](paging::VirtAddr address) { invpcid(InvpcidType::address, address.raw()); });
    }
}

}  // namespace nestbed::guest
