// How much memory this process and those that it starts may still take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace nestbed::vmm {

/// Bytes: what the kernel could give without swapping (MemAvailable, proc(5)), or less where the
/// memory control group of this process, or one above it, has less left; of cgroup v1 and v2. What
/// files in the page cache take, and nobody has read lately, counts as free. Nothing if none of
/// that is told.
std::optional<std::uint64_t> find_free_memory(const std::filesystem::path& root = "/");

}  // namespace nestbed::vmm
