#include "guest/harness/soak_pages.hpp"

#include <utility>

#include "guest/harness/log.hpp"
#include "guest/harness/places.hpp"
#include "guest/harness/shootdown_readers.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/user.hpp"
#include "shared/shootdown/invalidator.hpp"

namespace nestbed::guest {

namespace {

constexpr std::uint64_t step = paging::bytes_of(paging::PageSize::size_4k);

constexpr auto relaxed = std::memory_order_relaxed;

GUEST_USER std::uint64_t read_generation(std::uint64_t address, std::uint64_t) {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(address)->load(std::memory_order_acquire);
}

GUEST_USER std::uint64_t write_second_word(std::uint64_t address, std::uint64_t value) {
    reinterpret_cast<std::atomic<std::uint64_t>*>(address + 8)->store(value, relaxed);
    return 0;
}

/// A frame is used by its first two words.
void fill(std::uint64_t* frame, std::uint64_t first, std::uint64_t second) {
    std::atomic_ref(frame[0]).store(first, relaxed);
    std::atomic_ref(frame[1]).store(second, relaxed);
}

paging::Flags flags_of(Rights rights) {
    using paging::Permission;
    const paging::Flags flags(Permission::read | Permission::user);
    return rights == Rights::write
               ? paging::Flags(Permission::read | Permission::write | Permission::user)
               : flags;
}

void report(SoakCounts& counts, ConstantString what, std::uint64_t address, std::uint64_t seen,
            std::uint64_t expected) {
    constexpr std::uint64_t most = 5;
    if (++counts.violations <= most) {
        GUEST_LOG("violation at {:#x}: {}: {:#x}, and not {:#x}", address, what, seen, expected);
    }
}

}  // namespace

SoakCounts& SoakCounts::operator+=(const SoakCounts& other) {
    accesses += other.accesses;
    faults += other.faults;
    stale_reads += other.stale_reads;
    violations += other.violations;
    maps += other.maps;
    remaps += other.remaps;
    protects += other.protects;
    unmaps += other.unmaps;
    return *this;
}

SoakPages::SoakPages(AddressSpace& space, std::uint32_t place)
    : first_address_(first_page_of(place).address().raw()) {
    for (paging::PhysAddr& address : frames_) {
        const auto frame = frames().allocate_zeroed();
        if (!frame) {
            panic("no memory for the soak's frames");
        }
        address = frame->address();
    }
    make_table(space, place);
    for (std::uint64_t n = 0; n < pages; ++n) {
        fill(frame(n, 0), poison, poison);
        fill(frame(n, 1), poison, poison);
    }
}

void SoakPages::make_table(AddressSpace& space, std::uint32_t place) {
    // Mapped for once, so that the leaf table exists.
    const paging::Page4k page = first_page_of(place);
    if (!space.mapper().map(page, *paging::Frame4k::from(frames_[0]), flags_of(Rights::read))) {
        panic("the soak's pages cannot be mapped");
    }
    table_.emplace(space, page, window_of(place));
    auto stale = space.mapper().unmap(page);
    if (!stale) {
        panic("the soak's pages cannot be unmapped");
    }
    static_cast<void>(std::move(*stale).invalidate(shootdown::CachedNowhere(space)));
}

paging::PageRange SoakPages::begin_change(Random& random, SoakCounts& counts) {
    change_.first = random.below(pages);
    change_.count = 1 + random.below(pages - change_.first);
    change_.before = mappings_;
    ++generation_;
    for (std::uint64_t n = change_.first; n < change_.first + change_.count; ++n) {
        // Release is not enough: that the page is changing must be known before an access can meet
        // the new entry. The locked instruction is also a full fence.
        states_[n].steady.fetch_add(changing, std::memory_order_seq_cst);
        change(n, random, counts);
    }
    std::array<std::uint64_t, paging::entries_per_table> entries{};
    for (std::uint64_t n = 0; n < pages; ++n) {
        entries[n] = entry(n);
    }
    table_->store(entries, pages);
    for (std::uint64_t n = change_.first; n < change_.first + change_.count; ++n) {
        // Release: whoever reads it finds the entry changed.
        states_[n].changed.store(mappings_[n].generation, std::memory_order_release);
    }
    return {paging::VirtAddr(address(change_.first)), change_.count};
}

void SoakPages::finish_change() {
    for (std::uint64_t n = change_.first; n < change_.first + change_.count; ++n) {
        const Mapping& before = change_.before[n];
        const Mapping& now = mappings_[n];
        const bool frame_is_free = before.rights != Rights::none &&
                                   (now.rights == Rights::none || now.frame != before.frame);
        if (frame_is_free) {
            fill(frame(n, before.frame), poison, poison);
        }
        // Release, both: what they promise is true for whoever reads them.
        states_[n].least.store(now.generation, std::memory_order_release);
        const std::uint64_t rights_mask = changing - 1;
        const std::uint64_t steady = states_[n].steady.load(relaxed);
        states_[n].steady.store(
            ((steady + changing) & ~rights_mask) | static_cast<std::uint64_t>(now.rights),
            std::memory_order_release);
    }
}

void SoakPages::change(std::uint64_t page, Random& random, SoakCounts& counts) {
    Mapping& mapping = mappings_[page];
    const auto some_rights = random.one_in(2) ? Rights::read : Rights::write;
    const std::uint64_t choice = random.below(3);
    if (mapping.rights == Rights::none) {
        ++counts.maps;
        mapping.rights = some_rights;
        use_frame(page, mapping.frame, counts);
    } else if (choice == 0) {
        ++counts.unmaps;
        mapping.rights = Rights::none;
    } else if (choice == 1) {
        ++counts.protects;
        mapping.rights = mapping.rights == Rights::read ? Rights::write : Rights::read;
    } else {
        ++counts.remaps;
        mapping.rights = some_rights;
        mapping.frame ^= 1;
        use_frame(page, mapping.frame, counts);
    }
}

void SoakPages::use_frame(std::uint64_t page, std::uint8_t which, SoakCounts& counts) {
    std::uint64_t* const words = frame(page, which);
    for (int n = 0; n < 2; ++n) {
        const std::uint64_t found = std::atomic_ref(words[n]).load(relaxed);
        if (found != poison) {
            report(counts, "a frame out of use was written", address(page), found, poison);
        }
    }
    mappings_[page].generation = generation_;
    fill(words, generation_, 0);
}

void SoakPages::access(Random& random, SoakCounts& counts) const {
    const std::uint64_t page = random.below(pages);
    const bool write = random.one_in(2);
    const State& state = states_[page];
    // Acquire: what they promise is looked for after them.
    const std::uint64_t least = state.least.load(std::memory_order_acquire);
    const std::uint64_t changed = state.changed.load(std::memory_order_acquire);
    const std::uint64_t before = state.steady.load(std::memory_order_acquire);
    const UserResult result =
        run_user(write ? write_second_word : read_generation, address(page), generation_);
    // A full fence: the access comes before the second look.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool steady =
        (before & changing) == 0 && state.steady.load(std::memory_order_acquire) == before;
    const auto rights = static_cast<Rights>(before & (changing - 1));
    const bool allowed = write ? rights == Rights::write : rights != Rights::none;

    ++counts.accesses;
    counts.faults += result.returned ? 0 : 1;
    if (steady && result.returned != allowed) {
        report(counts, write ? ConstantString("a write's success") : "a read's success",
               address(page), result.returned ? 1 : 0, allowed ? 1 : 0);
    }
    if (result.returned && !write) {
        judge_read(page, least, changed, result.value(), counts);
    }
}

void SoakPages::judge_read(std::uint64_t page, std::uint64_t least, std::uint64_t changed,
                           std::uint64_t seen, SoakCounts& counts) const {
    if (seen == poison || seen < least) {
        report(counts, "read through an old translation", address(page), seen, least);
    } else if (seen < changed) {
        ++counts.stale_reads;
    }
}

std::uint64_t SoakPages::address(std::uint64_t page) const { return first_address_ + page * step; }

std::uint64_t* SoakPages::frame(std::uint64_t page, std::uint8_t which) const {
    return in_direct_map(frames_[2 * page + which]);
}

std::uint64_t SoakPages::entry(std::uint64_t page) const {
    const Mapping& mapping = mappings_[page];
    if (mapping.rights == Rights::none) {
        return 0;
    }
    const auto frame = *paging::Frame4k::from(frames_[2 * page + mapping.frame]);
    return paging::Pte::leaf(frame, flags_of(mapping.rights)).raw();
}

}  // namespace nestbed::guest
