// kvm-unit-tests' list of tests (its docs/unittests.txt), read as its scripts read it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// Texts as they stand there: a shell would still make words of them.
struct UnittestsEntry {
    std::string name;
    std::size_t line;       ///< of its name in the file, from 1
    std::string file = {};  ///< in the folder of the list
    std::string smp = "1";  ///< as the rest up to qemu_params, for shell_words()
    std::string test_args = {};
    std::string qemu_params = {};
    std::vector<std::string> groups = {};
    std::string arch = {};
    std::string machine = {};
    std::string check = {};
    std::string accel = {};
    std::string timeout = {};
    std::string disabled_if = {};
};

/// Throws Error(input) that names `path` and the line, if the list cannot be used.
std::vector<UnittestsEntry> parse_unittests_cfg(std::string_view text,
                                                const std::filesystem::path& path);

}  // namespace nestbed::vmm
