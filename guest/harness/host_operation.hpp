// Having the host do something to the test memory (shared/channel/host_operation.hpp).
#pragma once

#include <cstdint>

#include "guest/harness/test.hpp"
#include "guest/kernel/boot.hpp"
#include "guest/kernel/instructions.hpp"
#include "shared/channel/layout.hpp"
#include "shared/channel/ports.hpp"
#include "shared/paging/page_size.hpp"

namespace nestbed::guest {

using channel::HostOperation;
using channel::HostOperationId;

/// The address at which user mode sees a page of the test memory.
constexpr std::uint64_t test_page(std::uint64_t page) {
    return channel::layout::test_memory + page * paging::bytes_of(paging::PageSize::size_4k);
}

/// Has the host carry it out and returns what it filled in. On one CPU at a time.
inline HostOperation host_operation(HostOperationId id, std::uint64_t first_page,
                                    std::uint64_t pages, std::uint64_t argument = 0) {
    HostOperation& request = *boot_info().host_operation;
    request = {.id = id, .first_page = first_page, .pages = pages, .argument = argument};
    out(channel::port::host_operation, 0);
    return request;
}

/// Ends the test as skipped if that is why the host did not start to bring in pages itself.
inline void skip_without_userfaults(std::uint32_t error) {
    constexpr std::uint32_t not_permitted = 1;      // Linux: EPERM
    constexpr std::uint32_t invalid_argument = 22;  // EINVAL
    if (error == not_permitted) {
        GUEST_SKIP(
            "the host's userfaultfd is not ours to use: run as root, or see "
            "/proc/sys/vm/unprivileged_userfaultfd");
    }
    if (error == invalid_argument) {
        GUEST_SKIP("the host does not have such faults served of such memory");
    }
    GUEST_REQUIRE(error == 0);
}

}  // namespace nestbed::guest
