// A run's JSON report, read back: what is needed to set several runs side by side.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/host/describe.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// A measurement as it was read: what it takes to compare it.
struct ReadMeasurement {
    std::string id;
    bool is_companion = false;  ///< of another one: a floor, a part
    std::string unit;
    std::uint64_t tsc_khz = 0;
    std::uint64_t repetition = 1;
    bool passed = false;  ///< the test that made it
    stats::Histogram histogram;
};

struct ResultFile {
    std::string environment;        ///< the file's name without its ending
    HostDescription host;           ///< CPU, kernel, paging and emulation only
    std::vector<TestResult> tests;  ///< suite, name, verdict, reason, study, failed attempts only
    std::optional<std::string> error;  ///< of the run as a whole
    bool has_come_to_nothing = false;  ///< it ended before it knew its host
    std::uint64_t not_finished = 0;
    std::vector<std::string> left_out;  ///< tests by their full names
    std::vector<std::string> guests;    ///< by name or path; none in reports of older programs
    std::map<std::string, std::string> facts;  ///< of the host, by their names in JSON
    std::vector<ReadMeasurement> measurements;
};

/// Throws Error(input), naming the file `path`, if `text` is no report in a schema that we know, or
/// the run has not come to its first test.
ResultFile result_file_from(std::string_view text, const std::filesystem::path& path);

/// The same, but of a run that has come to nothing there are its error and what it left out.
ResultFile result_or_error_from(std::string_view text, const std::filesystem::path& path);

}  // namespace nestbed::vmm
