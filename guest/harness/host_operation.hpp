// Having the host do something to the test memory (shared/channel/host_operation.hpp).
#pragma once

#include <cstdint>

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

}  // namespace nestbed::guest
