#include "guest/kernel/frames.hpp"

#include <cstring>

#include "guest/kernel/boot.hpp"
#include "guest/kernel/spinlock.hpp"

namespace nestbed::guest {

namespace {

using paging::Frame2m;
using paging::Frame4k;
using paging::PageSize;
using paging::PhysAddr;

/// Memory that was never used is zero already, so it is handed out from both ends: small frames
/// from below, large ones from above. Freed frames are a list through their own first word.
struct State {
    Spinlock lock;
    std::uint64_t next = 0;  ///< 0: not looked at the boot info yet
    std::uint64_t end = 0;
    std::uint64_t free_list = 0;
};
constinit State state;

void initialize_once() {
    if (state.next == 0) {
        state.next = boot_info().free_memory;
        state.end = boot_info().free_memory_end;
    }
}

}  // namespace

Frames& frames() {
    static constinit Frames instance;
    return instance;
}

std::optional<Frame4k> Frames::allocate_zeroed() {
    const SpinlockGuard guard(state.lock);
    initialize_once();
    if (state.free_list != 0) {
        const PhysAddr address(state.free_list);
        std::uint64_t& link = *in_direct_map(address);
        state.free_list = link;
        link = 0;
        return *Frame4k::from(address);
    }
    if (state.next == state.end) {
        return std::nullopt;
    }
    const PhysAddr address(state.next);
    state.next += paging::bytes_of(PageSize::size_4k);
    return *Frame4k::from(address);
}

void Frames::free_zeroed(Frame4k frame) {
    const SpinlockGuard guard(state.lock);
    *in_direct_map(frame.address()) = state.free_list;
    state.free_list = frame.address().raw();
}

void Frames::free(Frame4k frame) {
    std::memset(in_direct_map(frame.address()), 0, paging::bytes_of(PageSize::size_4k));
    free_zeroed(frame);
}

std::optional<Frame2m> Frames::allocate_zeroed_2m() {
    constexpr std::uint64_t size = paging::bytes_of(PageSize::size_2m);
    const SpinlockGuard guard(state.lock);
    initialize_once();
    const std::uint64_t start = (state.end & ~(size - 1)) - size;
    if (start < state.next || start > state.end) {
        return std::nullopt;
    }
    state.end = start;
    return *Frame2m::from(PhysAddr(start));
}

}  // namespace nestbed::guest
