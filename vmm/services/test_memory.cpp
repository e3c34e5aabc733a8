#include "vmm/services/test_memory.hpp"

#include <linux/kvm.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>
#include <thread>

#include "shared/channel/test_memory.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

TestMemory::TestMemory(kvm::Vm& vm, std::uint64_t bytes, const BackingSettings& backing)
    : vm_(vm),
      memory_(map_backing(backing, bytes, channel::test_memory_physical)),
      guest_physical_(channel::test_memory_physical),
      end_of_places_(channel::test_memory_physical + memory_.size()) {
    set_slot(memory_.size());
}

std::optional<TestMemory::Pages> TestMemory::pages(std::uint64_t first, std::uint64_t count) const {
    const std::uint64_t all = size() / page_bytes;
    if (first > all || count > all - first) {
        return std::nullopt;
    }
    return Pages(static_cast<std::byte*>(memory_.address()) + first * page_bytes,
                 count * page_bytes);
}

int TestMemory::advise(Pages pages, int advice) {
    return ::madvise(pages.data(), pages.size(), advice) == 0 ? 0 : errno;
}

int TestMemory::discard(Pages pages) const {
    // Of a file's pages, MADV_DONTNEED would only drop this mapping's view.
    return memory_.file() >= 0 ? advise(pages, MADV_REMOVE) : drop(pages);
}

int TestMemory::page_out_from(std::uint32_t host_cpu, Pages pages) {
    int error = 0;
    std::thread([&] {
        spread_this_thread_over({&host_cpu, 1});
        error = advise(pages, MADV_PAGEOUT);
    }).join();
    return error;
}

int TestMemory::page_out(Pages pages, std::span<const std::uint32_t> host_cpus) {
    // The kernel starts to write a page out and leaves it where it is. Only a second advice, once
    // it is written, has it go, if it is mapped by then, and if no CPU has it on its list of pages
    // to be moved between the LRU lists (mm/swap.c): the kernel empties the list of the CPU that
    // advises.
    constexpr std::chrono::milliseconds time_to_write(5);
    constexpr std::chrono::seconds long_enough(1);
    const auto end = std::chrono::steady_clock::now() + long_enough;
    struct sysinfo host {};
    const bool has_swap = ::sysinfo(&host) == 0 && host.totalswap != 0;
    int error = page_out_from(host_cpus.front(), pages);
    for (std::size_t round = 1; error == 0 && has_swap && count_resident(pages) != 0; ++round) {
        if (std::chrono::steady_clock::now() >= end) {
            break;
        }
        std::this_thread::sleep_for(time_to_write);
        static_cast<void>(advise(pages, MADV_POPULATE_READ));
        error = page_out_from(host_cpus[round % host_cpus.size()], pages);
    }
    return error;
}

std::uint64_t TestMemory::count_resident(Pages pages) {
    std::array<unsigned char, 512> states{};
    std::uint64_t resident = 0;
    while (!pages.empty()) {
        const Pages some = pages.first(std::min(pages.size(), states.size() * page_bytes));
        if (::mincore(some.data(), some.size(), states.data()) != 0) {
            return pages.size() / page_bytes + resident;  // nothing says that they left
        }
        for (std::size_t page = 0; page < some.size() / page_bytes; ++page) {
            resident += states[page] & 1U;
        }
        pages = pages.subspan(some.size());
    }
    return resident;
}

void TestMemory::log_writes(bool on) {
    logs_writes_ = on;
    set_slot(memory_.size());
}

void TestMemory::set_read_only(bool on) {
    // KVM does not let the flag of a slot change (virt/kvm/kvm_main.c, kvm_set_memory_region).
    set_slot(0);
    read_only_ = on;
    set_slot(memory_.size());
}

void TestMemory::move_to(std::uint64_t guest_physical) {
    const std::uint64_t end = guest_physical + memory_.size();
    // Before it is there: as soon as it is expected there, a vCPU may find nothing.
    if (end > end_of_places_.load(std::memory_order_relaxed)) {
        end_of_places_.store(end, std::memory_order_release);
    }
    guest_physical_ = guest_physical;
    set_slot(memory_.size());
}

void TestMemory::register_in(ExitTable& exits) {
    constexpr auto end = std::numeric_limits<std::uint64_t>::max();
    exits.add_memory(channel::test_memory_physical, end, [this](const Access& access) -> Answer {
        if (!take_access(access.address, access.is_write)) {
            return access.unanswered();
        }
        if (!access.is_write) {
            std::ranges::fill(access.data, std::byte{0xFF});
        }
        return std::nullopt;
    });
}

bool TestMemory::take_access(std::uint64_t guest_physical, bool is_write) {
    if (guest_physical < channel::test_memory_physical ||
        guest_physical >= end_of_places_.load(std::memory_order_acquire)) {
        return false;
    }
    if (is_write) {
        // Relaxed: a count, and nothing that goes with it.
        dropped_writes_.fetch_add(1, std::memory_order_relaxed);
    }
    return true;
}

void TestMemory::set_slot(std::uint64_t bytes) {
    const std::uint32_t flags =
        (logs_writes_ ? KVM_MEM_LOG_DIRTY_PAGES : 0U) | (read_only_ ? KVM_MEM_READONLY : 0U);
    vm_.set_memory_slot(slot, guest_physical_, bytes, memory_.address(), flags);
}

}  // namespace nestbed::vmm
