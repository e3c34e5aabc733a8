// What a child writes: as it comes, or all of it once it has ended.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/nested/child_process.hpp"

namespace nestbed::vmm {

/// Calls `take` with a reader's place in `readers` and what came from it, until the child has ended
/// and all that was written before is taken. Not until the pipes' ends: whoever the child has left
/// behind may hold them for ever. Returns how the child ended.
ProcessEnd read_until_end(ChildProcess& child, const std::vector<int>& readers,
                          PipeReaders::Take take);

/// Runs a program of the system that does one thing and ends, in `directory` (empty: here), and
/// returns its standard output. Throws Error(host_lacks) if it fails, with the last line that it
/// wrote to its standard error.
std::string output_of(const std::vector<std::string>& command,
                      const std::filesystem::path& directory = {});

/// The last line of `text` that is not empty.
std::string last_line(std::string_view text);

}  // namespace nestbed::vmm
