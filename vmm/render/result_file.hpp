// A run's JSON report, read back: what is needed to set several runs side by side.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/host/describe.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct ResultFile {
    std::string environment;        ///< the file's name without its ending
    HostDescription host;           ///< CPU, kernel, paging and emulation only
    std::vector<TestResult> tests;  ///< suite, name, verdict and reason only
    std::uint64_t not_finished = 0;
};

/// Throws Error(input), naming the file `path`, if `text` is no report in a schema that we know.
ResultFile result_file_from(std::string_view text, const std::filesystem::path& path);

}  // namespace nestbed::vmm
