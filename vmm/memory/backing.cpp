#include "vmm/memory/backing.hpp"

#include <linux/memfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/memory/huge_pages.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t kib = 1ULL << 10;
constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;

struct Kind {
    Backing backing;
    std::uint64_t page;   ///< bytes
    std::uint64_t leaf;   ///< bytes, of the largest that could map it
    bool is_file;         ///< a memory file, mapped shared
    unsigned file_flags;  ///< of memfd_create
    int advice;           ///< of madvise, about transparent huge pages; 0: none

    const char* name() const { return study::name_of(backing); }
};

constexpr std::array<Kind, study::value_count<Backing>> kinds{{
    {Backing::anon, 4 * kib, 2 * mib, false, 0, MADV_NOHUGEPAGE},
    {Backing::thp, 4 * kib, 2 * mib, false, 0, MADV_HUGEPAGE},
    {Backing::memfd, 4 * kib, 2 * mib, true, 0, MADV_NOHUGEPAGE},
    {Backing::hugetlb_2m, 2 * mib, 2 * mib, true, MFD_HUGETLB | MFD_HUGE_2MB, 0},
    {Backing::hugetlb_1g, gib, gib, true, MFD_HUGETLB | MFD_HUGE_1GB, 0},
}};

const Kind& kind_of(Backing backing) { return *std::ranges::find(kinds, backing, &Kind::backing); }

void refuse_lack(const Kind& kind, std::uint64_t pages) {
    if (kind.page > 4 * kib) {
        if (const auto lack = huge_page_lack(kind.page, pages)) {
            throw_error(ErrorKind::host_lacks, "--backing {}: {}", kind.name(), *lack);
        }
    }
}

/// `error` is of the call that failed.
[[noreturn]] void refuse(const Kind& kind, std::uint64_t size, int error) {
    refuse_lack(kind, size / kind.page);
    throw_error(ErrorKind::host_lacks,
                "--backing {}: cannot map {} MiB of guest memory: {} (ask for less with --memory)",
                kind.name(), size / mib, std::strerror(error));
}

Descriptor make_file(const Kind& kind, std::uint64_t size) {
    if (!kind.is_file) {
        return Descriptor(-1);
    }
    Descriptor file(::memfd_create("guest memory", MFD_CLOEXEC | kind.file_flags));
    if (file.get() < 0 || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
        refuse(kind, size, errno);
    }
    return file;
}

/// Address space, enough for `size` bytes at any place in a leaf and a guard page on each side.
Mapping reserve(const Kind& kind, std::uint64_t size) {
    const std::uint64_t enough = size + kind.leaf + 8 * kib;
    void* address =
        ::mmap(nullptr, enough, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        refuse(kind, size, errno);
    }
    return {address, enough};
}

/// Gives up a reservation after mapping [address, address + size) in it failed. The kernel may have
/// taken out what was there before it found that it could not, and another thread may have mapped
/// something in the gap since: only what lies around it is surely still ours.
void unmap_around(Mapping& reservation, void* address, std::uint64_t size) {
    auto* const begin = static_cast<std::byte*>(reservation.address());
    std::byte* const end = begin + reservation.size();
    auto* const gap = static_cast<std::byte*>(address);
    reservation.release();
    ::munmap(begin, static_cast<std::size_t>(gap - begin));
    ::munmap(gap + size, static_cast<std::size_t>(end - (gap + size)));
}

void map_at(void* address, std::uint64_t size, const Kind& kind, int file, Mapping& reservation) {
    // MAP_NORESERVE only where a guest that touches little needs little; huge pages are reserved.
    const int flags = kind.is_file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (::mmap(address, size, PROT_READ | PROT_WRITE, MAP_FIXED | flags, file, 0) == MAP_FAILED) {
        const int error = errno;
        unmap_around(reservation, address, size);
        refuse(kind, size, error);
    }
    // A kernel without transparent huge pages refuses both advices, and has small pages only.
    if (kind.advice != 0 && ::madvise(address, size, kind.advice) != 0 &&
        kind.advice == MADV_HUGEPAGE) {
        refuse(kind, size, errno);
    }
}

void prefault(void* address, std::uint64_t size, const Kind& kind) {
    if (::madvise(address, size, MADV_POPULATE_WRITE) == 0) {
        return;
    }
    if (errno != EINVAL) {
        throw_error(ErrorKind::host_lacks,
                    "--prefault: not all {} MiB of guest memory ({}) could be populated: {}",
                    size / mib, kind.name(), std::strerror(errno));
    }
    // Linux before 5.14. What is written is what is there.
    std::memset(address, 0, size);
}

}  // namespace

std::uint64_t page_bytes(Backing backing) { return kind_of(backing).page; }

std::uint64_t block_bytes(Backing backing) {
    return backing == Backing::thp ? alignment_of(backing) : page_bytes(backing);
}

std::uint64_t alignment_of(Backing backing) { return kind_of(backing).leaf; }

void refuse_too_few_huge_pages(Backing backing, std::initializer_list<std::uint64_t> sizes) {
    const Kind& kind = kind_of(backing);
    std::uint64_t pages = 0;
    for (const std::uint64_t size : sizes) {
        pages += (size + kind.page - 1) / kind.page;
    }
    // What is not known is tried: the kernel refuses a mapping for which it has no pages.
    if (kind.page > 4 * kib && huge_page_pools()) {
        refuse_lack(kind, pages);
    }
}

HostMemory map_backing(const BackingSettings& settings, std::uint64_t size,
                       std::uint64_t guest_physical) {
    const Kind& kind = kind_of(settings.kind);
    if (guest_physical % kind.page != 0) {
        throw_error(
            ErrorKind::host_lacks,
            "guest memory at {:#x}: {} comes in pages of {} KiB, and it must begin with one",
            guest_physical, kind.name(), kind.page / kib);
    }
    if (settings.kind == Backing::thp) {
        if (const auto problem = transparent_huge_page_lack()) {
            throw_error(ErrorKind::host_lacks, "--backing thp: {}", *problem);
        }
    }
    const std::uint64_t whole = (size + kind.page - 1) & ~(kind.page - 1);
    Descriptor file = make_file(kind, whole);
    Mapping reservation = reserve(kind, whole);
    const auto begin = reinterpret_cast<std::uint64_t>(reservation.address());
    void* address =
        reinterpret_cast<void*>(congruent_address(begin + 4 * kib, guest_physical, kind.leaf));
    map_at(address, whole, kind, file.get(), reservation);
    if (settings.prefault) {
        prefault(address, whole, kind);
    }
    return {std::move(reservation), address, whole, std::move(file), settings};
}

}  // namespace nestbed::vmm
