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

/// HostOperationId::start_userfault. Ends the test as skipped on a host that has no such faults.
inline void start_userfault(channel::UserfaultKind kind, std::uint64_t first_page,
                            std::uint64_t pages) {
    constexpr std::uint32_t not_permitted = 1;      // Linux: EPERM
    constexpr std::uint32_t invalid_argument = 22;  // EINVAL
    constexpr std::uint32_t no_such_call = 38;      // ENOSYS
    const std::uint32_t error = host_operation(HostOperationId::start_userfault, first_page, pages,
                                               static_cast<std::uint64_t>(kind))
                                    .error;
    if (error == not_permitted) {
        GUEST_SKIP(
            "the host's userfaultfd is not ours to use: run as root, or see /dev/userfaultfd and "
            "/proc/sys/vm/unprivileged_userfaultfd");
    }
    if (error == no_such_call) {
        GUEST_SKIP("the host has no userfaultfd");
    }
    if (error == invalid_argument) {
        GUEST_SKIP("the host does not have such faults served of such memory");
    }
    GUEST_EXPECT_EQ(error, 0U);
}

}  // namespace nestbed::guest
