// What a child writes into several pipes, as it comes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vmm/nested/child_process.hpp"

namespace nestbed::vmm {

/// Calls `take` with a reader's place in `readers` and what came from it, until the child has ended
/// and all that was written before is taken. Not until the pipes' ends: whoever the child has left
/// behind may hold them for ever. Returns how the child ended.
ProcessEnd read_until_end(ChildProcess& child, const std::vector<int>& readers,
                          const std::function<void(std::size_t, const std::string&)>& take);

}  // namespace nestbed::vmm
