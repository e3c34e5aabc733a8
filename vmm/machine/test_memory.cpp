#include "vmm/machine/test_memory.hpp"

#include <linux/kvm.h>
#include <sys/mman.h>

#include <cerrno>

#include "shared/channel/test_memory.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t page_bytes = paging::bytes_of(paging::PageSize::size_4k);

}  // namespace

TestMemory::TestMemory(kvm::Vm& vm, std::uint32_t slot, std::uint64_t bytes, Backing backing)
    : vm_(vm), slot_(slot), mapping_(map_backing(backing, bytes)) {
    log_writes(false);
}

std::uint64_t TestMemory::pages() const { return size() / page_bytes; }

bool TestMemory::contains(TestPages pages) const {
    const std::uint64_t all = this->pages();
    return pages.first <= all && pages.count <= all - pages.first;
}

int TestMemory::advise(TestPages pages, int advice) {
    void* const start = static_cast<std::byte*>(mapping_.address()) + pages.first * page_bytes;
    return ::madvise(start, pages.count * page_bytes, advice) == 0 ? 0 : errno;
}

int TestMemory::populate(TestPages pages) { return advise(pages, MADV_POPULATE_WRITE); }

int TestMemory::discard(TestPages pages) { return advise(pages, MADV_DONTNEED); }

void TestMemory::log_writes(bool on) {
    vm_.set_memory_slot(slot_, channel::test_memory_physical, mapping_.size(), mapping_.address(),
                        on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
    logs_writes_ = on;
}

}  // namespace nestbed::vmm
