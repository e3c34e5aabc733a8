#include "guest/harness/dirty_log.hpp"

#include "guest/kernel/panic.hpp"

namespace nestbed::guest {

namespace {

paging::Frame2m new_frame() {
    const auto frame = frames().allocate_zeroed_2m();
    if (!frame) {
        panic("no memory for user mode");
    }
    return *frame;
}

}  // namespace

UserMemory::UserMemory(AddressSpace& space) : frame_(new_frame()) {
    using paging::Permission;
    const paging::Flags flags(Permission::read | Permission::write | Permission::user);
    if (!space.mapper().map(page, frame_, flags)) {
        panic("no page tables for user memory");
    }
}

DirtyLog::DirtyLog(const UserMemory& memory) : memory_(memory) {
    if (pages() / 8 > most_bitmap_bytes) {
        panic("more test memory than a dirty bitmap has bits");
    }
}

std::uint64_t DirtyLog::pages() {
    return boot_info().test_memory.bytes / paging::bytes_of(paging::PageSize::size_4k);
}

HostOperation DirtyLog::collect(std::uint64_t first_page, std::uint64_t pages) {
    return host_operation(HostOperationId::collect_dirty_log, first_page, pages,
                          memory_.physical(first_page / 8));
}

HostOperation DirtyLog::clear(std::uint64_t first_page, std::uint64_t pages) {
    return host_operation(HostOperationId::clear_dirty_log, first_page, pages,
                          memory_.physical(first_page / 8));
}

}  // namespace nestbed::guest
