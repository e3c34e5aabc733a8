#include "vmm/machine/backing.hpp"

#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vmm/error.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t huge_page = 2U << 20;

constexpr std::array<std::pair<Backing, std::string_view>, 3> names{{
    {Backing::small_pages, "4k"},
    {Backing::transparent, "thp"},
    {Backing::huge_pages, "hugetlb"},
}};

kvm::Mapping map(std::uint64_t size, int extra_flags) {
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | extra_flags, -1, 0);
    if (address == MAP_FAILED) {
        throw_error(ExitCode::bad_input, "cannot map {} MiB of guest memory: {}{}", size >> 20,
                    std::strerror(errno),
                    (extra_flags & MAP_HUGETLB) != 0
                        ? " (reserve 2 MiB pages: sysctl vm.nr_hugepages=N)"
                        : " (ask for less with --memory)");
    }
    return {address, size};
}

/// A 2 MiB-aligned piece of an anonymous mapping: only there can a huge page be whole.
kvm::Mapping map_aligned(std::uint64_t size) {
    kvm::Mapping larger = map(size + huge_page, MAP_NORESERVE);
    const auto start = reinterpret_cast<std::uint64_t>(larger.address());
    const std::uint64_t aligned = (start + huge_page - 1) & ~(huge_page - 1);
    const std::uint64_t behind = aligned + size;
    ::munmap(larger.address(), aligned - start);
    ::munmap(reinterpret_cast<void*>(behind), start + larger.size() - behind);
    larger.release();
    return {reinterpret_cast<void*>(aligned), size};
}

}  // namespace

std::string_view backing_name(Backing backing) {
    for (const auto& [value, name] : names) {
        if (value == backing) {
            return name;
        }
    }
    return "?";
}

std::optional<Backing> backing_from_name(std::string_view name) {
    for (const auto& [value, known] : names) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

kvm::Mapping map_backing(Backing backing, std::uint64_t size) {
    if (backing == Backing::huge_pages) {
        // Reserved now (no MAP_NORESERVE), so that a lack of huge pages is an error here and not a
        // SIGBUS later.
        return map(size, MAP_HUGETLB | MAP_POPULATE);
    }
    kvm::Mapping mapping = map_aligned(size);
    // Best effort: a kernel without transparent huge pages refuses both, and has small pages only.
    ::madvise(mapping.address(), size,
              backing == Backing::transparent ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return mapping;
}

}  // namespace nestbed::vmm
