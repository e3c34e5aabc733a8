#include "vmm/machine/test_memory.hpp"

#include <sys/mman.h>

#include <cerrno>

#include "shared/channel/test_memory.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t small_page = paging::bytes_of(paging::PageSize::size_4k);

}  // namespace

TestMemory::TestMemory(kvm::Vm& vm, std::uint32_t slot, std::uint64_t bytes,
                       const BackingSettings& backing)
    : memory_(map_backing(backing, bytes, channel::test_memory_physical)) {
    vm.set_memory_slot(slot, channel::test_memory_physical, memory_.size(), memory_.address());
}

bool TestMemory::contains(TestPages pages) const {
    const std::uint64_t all = size() / small_page;
    return pages.first <= all && pages.count <= all - pages.first;
}

int TestMemory::advise(TestPages pages, int advice) {
    void* const start = static_cast<std::byte*>(memory_.address()) + pages.first * small_page;
    return ::madvise(start, pages.count * small_page, advice) == 0 ? 0 : errno;
}

int TestMemory::populate(TestPages pages) { return advise(pages, MADV_POPULATE_WRITE); }

int TestMemory::discard(TestPages pages) {
    // Of a file's pages, MADV_DONTNEED would only drop this mapping's view.
    return advise(pages, memory_.file() >= 0 ? MADV_REMOVE : MADV_DONTNEED);
}

}  // namespace nestbed::vmm
