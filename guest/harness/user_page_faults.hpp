// Page faults that an experiment's stores are to meet in the guest's own tables, and their handler.
#pragma once

#include <cstdint>

#include "guest/harness/user_stores.hpp"

namespace nestbed::guest {

/// The stores' pages are taken away, and the handler skips the stores.
void withdraw_pages(const Blocks& blocks);
/// The pages become read-only, and the handler makes each writable and has its store tried again.
void protect_pages(const Blocks& blocks);

/// All pages are present and writable again, and page faults are nobody's. Returns how many the
/// handler has seen.
std::uint64_t restore_pages();

}  // namespace nestbed::guest
