#include "vmm/machine/test_memory.hpp"

#include <linux/kvm.h>
#include <sys/mman.h>

#include <cerrno>

#include "shared/channel/test_memory.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t small_page = paging::bytes_of(paging::PageSize::size_4k);

}  // namespace

TestMemory::TestMemory(kvm::Vm& vm, std::uint32_t slot, std::uint64_t bytes,
                       const BackingSettings& backing)
    : vm_(vm), slot_(slot), memory_(map_backing(backing, bytes, channel::test_memory_physical)) {
    log_writes(false);
}

std::uint64_t TestMemory::pages() const { return size() / small_page; }

bool TestMemory::contains(TestPages pages) const {
    const std::uint64_t all = this->pages();
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

void TestMemory::log_writes(bool on) {
    vm_.set_memory_slot(slot_, channel::test_memory_physical, memory_.size(), memory_.address(),
                        on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
    logs_writes_ = on;
}

}  // namespace nestbed::vmm
