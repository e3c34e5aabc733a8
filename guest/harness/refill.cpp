#include "guest/harness/refill.hpp"

#include "guest/kernel/frames.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

namespace {

constexpr auto first_page = paging::Page4k::at<0x4000'0000'0000>();
constexpr std::uint64_t step = paging::bytes_of(paging::PageSize::size_4k);

/// Returns the cycles. Each page is read in a line of its own, so that it is the TLB that misses.
GUEST_USER std::uint64_t read_all(std::uint64_t address, std::uint64_t pages) {
    const std::uint64_t start = read_tsc();
    for (std::uint64_t n = 0; n < pages; ++n) {
        const std::uint64_t line = n % (step / 64) * 64;
        static_cast<void>(
            *reinterpret_cast<volatile const std::uint64_t*>(address + n * step + line));
    }
    return read_tsc() - start;
}

std::uint64_t read_in_user_mode() {
    return run_user(read_all, first_page.address().raw(), WorkingSet::pages).value();
}

}  // namespace

WorkingSet::WorkingSet() {
    const auto frame = frames().allocate_zeroed_2m();
    if (!frame) {
        panic("no memory for the working set");
    }
    const paging::Flags flags(paging::Permission::read | paging::Permission::user);
    for (std::uint64_t n = 0; n < pages; ++n) {
        const auto page = paging::Page4k::containing(first_page.address() + n * step);
        if (!space_.mapper().map(page, *paging::Frame4k::from(frame->address() + n * step),
                                 flags)) {
            panic("the working set cannot be mapped");
        }
    }
    space_.load();
}

WorkingSet::~WorkingSet() { AddressSpace::unload(); }

std::uint64_t WorkingSet::invalidate_and_read(std::uint64_t count, const FlushPolicy& policy) {
    const shootdown::Request request(paging::PageRange::of(first_page, count));
    read_in_user_mode();
    const std::uint64_t start = read_tsc();
    flush(request, policy);
    const std::uint64_t cycles = read_tsc() - start;
    return cycles + read_in_user_mode();
}

}  // namespace nestbed::guest
