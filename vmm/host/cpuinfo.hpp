// /proc/cpuinfo: what the kernel says of each processor.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// The values of a field, of all processors that have it.
std::vector<std::string> cpuinfo_values(const std::filesystem::path& root, std::string_view field);

}  // namespace nestbed::vmm
