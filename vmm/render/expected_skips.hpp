// Which tests may be skipped where: a list that a person keeps, and what results make of it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/render/result_file.hpp"

namespace nestbed::vmm {

struct ExpectedSkip {
    std::string tests;   ///< a shell pattern over their full names
    std::string reason;  ///< another one, over what they say
    std::vector<std::string> environments;
    std::vector<std::string> at_times = {};  ///< those of them where it happens on some runs only
};

/// Environments are named by what their KVM is, not by the machine: "pvm", "npt in QEMU".
struct ExpectedSkips {
    std::vector<std::string> environments;  ///< all that the list knows of
    std::vector<std::string> planted_bugs;  ///< shell patterns over the tests that see one
    std::vector<ExpectedSkip> skips;
};

struct SkipJudgement {
    std::vector<std::string> faults;   ///< what must not be
    std::vector<std::string> remarks;  ///< what somebody should look at
};

/// Faults are skips that are not listed, and planted bugs that are listed in every environment.
/// Remarks are listed skips that did not happen, unless they do at times only, and environments
/// that the list does not know.
SkipJudgement judge_skips(const ExpectedSkips& expected, std::span<const ResultFile> results);

/// Throws Error(input), naming the file `path`, if `text` is no such list.
ExpectedSkips expected_skips_from(std::string_view text, const std::filesystem::path& path);

}  // namespace nestbed::vmm
