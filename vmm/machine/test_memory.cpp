#include "vmm/machine/test_memory.hpp"

#include <sys/mman.h>

#include <cerrno>

#include "shared/channel/test_memory.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t page_bytes = paging::bytes_of(paging::PageSize::size_4k);

}  // namespace

TestMemory::TestMemory(kvm::Vm& vm, std::uint32_t slot, std::uint64_t bytes, Backing backing)
    : mapping_(map_backing(backing, bytes)) {
    vm.set_memory_slot(slot, channel::test_memory_physical, mapping_.size(), mapping_.address());
}

bool TestMemory::contains(TestPages pages) const {
    const std::uint64_t all = size() / page_bytes;
    return pages.first <= all && pages.count <= all - pages.first;
}

int TestMemory::advise(TestPages pages, int advice) {
    void* const start = static_cast<std::byte*>(mapping_.address()) + pages.first * page_bytes;
    return ::madvise(start, pages.count * page_bytes, advice) == 0 ? 0 : errno;
}

int TestMemory::populate(TestPages pages) { return advise(pages, MADV_POPULATE_WRITE); }

int TestMemory::discard(TestPages pages) { return advise(pages, MADV_DONTNEED); }

}  // namespace nestbed::vmm
