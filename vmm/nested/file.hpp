// Whole files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace nestbed::vmm {

/// Throws Error(no_kvm) that names the file and the reason.
std::string read_whole(const std::filesystem::path& path);
void write_whole(const std::filesystem::path& path, std::string_view contents);

}  // namespace nestbed::vmm
