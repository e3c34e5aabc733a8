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

/// A skip that is not listed is a fault, and so is a planted bug that is listed in every
/// environment: nothing would see it. A skip that is listed and did not happen, unless it happens
/// at times only, and an environment that the list does not know, are remarks.
SkipJudgement judge_skips(const ExpectedSkips& expected, std::span<const ResultFile> results);

/// Throws Error(input), naming the file `path`, if `text` is no such list.
ExpectedSkips expected_skips_from(std::string_view text, const std::filesystem::path& path);

}  // namespace nestbed::vmm
