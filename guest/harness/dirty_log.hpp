// The log of which pages of the test memory were written, as a guest sees it: the host keeps it,
// and writes it as a bitmap to memory that the kernel and user mode read.
#pragma once

#include <cstdint>

#include "guest/harness/host_operation.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/user.hpp"
#include "shared/paging/frame.hpp"
#include "shared/paging/page.hpp"

namespace nestbed::guest {

/// 2 MiB that user mode and the kernel both see. Where kernel mode is interpreted, user mode is to
/// do what there is much of.
class UserMemory {
  public:
    static constexpr auto page = paging::Page2m::at<0x7000'0000'0000>();

    /// Maps it in `space`. Panics without memory.
    explicit UserMemory(AddressSpace& space);

    /// For user mode, with the space loaded.
    template <typename T>
    static T* at(std::uint64_t offset) {
        return reinterpret_cast<T*>(page.address().raw() + offset);
    }

    /// For the kernel.
    template <typename T>
    T* in_kernel(std::uint64_t offset) const {
        return in_direct_map<T>(paging::PhysAddr(physical(offset)));
    }

    std::uint64_t physical(std::uint64_t offset) const { return frame_.address().raw() + offset; }

  private:
    paging::Frame2m frame_;
};

/// One for all CPUs; one CPU at a time uses it.
class DirtyLog {
  public:
    /// The first of these bytes of `memory`, one for 8 pages, are the bitmap.
    static constexpr std::uint64_t most_bitmap_bytes = 1 << 20;

    /// Panics if the test memory has more pages than there is room for.
    explicit DirtyLog(const UserMemory& memory);

    static std::uint64_t pages();

    HostOperation start() { return host_operation(HostOperationId::start_dirty_log, 0, 0); }
    HostOperation stop() { return host_operation(HostOperationId::stop_dirty_log, 0, 0); }

    /// All pages, or some whole words of the bitmap, into the bitmap.
    HostOperation collect() { return collect(0, pages()); }
    HostOperation collect(std::uint64_t first_page, std::uint64_t pages);

    /// Those that have their bits set in the bitmap.
    HostOperation clear() { return clear(0, pages()); }
    HostOperation clear(std::uint64_t first_page, std::uint64_t pages);

    /// The kernel's view of the bitmap.
    std::uint64_t* bitmap() { return memory_.in_kernel<std::uint64_t>(0); }
    /// User mode's.
    static std::uint64_t* user_bitmap() { return UserMemory::at<std::uint64_t>(0); }

  private:
    const UserMemory& memory_;
};

}  // namespace nestbed::guest
