// Keeps JSON reports that tests have made, for tests/results/validate.py, which holds them against
// the schema when all of them are done.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace nestbed::test {

/// In the folder that CTest names in NESTBED_REPORTS, if it does, under the name of the process
/// that calls. What is no report, or cut off, is left to the tests that expect such a thing.
inline void keep_report(std::string_view text) {
    static std::atomic<int> count = 0;
    const char* folder = std::getenv("NESTBED_REPORTS");
    if (folder == nullptr || !text.starts_with("{\n  \"schema\": ") || !text.ends_with("\n}\n")) {
        return;
    }
    std::ofstream(std::string(folder) + "/" + std::to_string(::getpid()) + "-" +
                  std::to_string(++count) + ".json")
        << text;
}

/// A file's.
inline void keep_report_in(const std::string& path) {
    // Larger ones are of floods, which say the same over and over, and would take minutes to check.
    constexpr std::uintmax_t largest = 4 << 20;
    if (!std::filesystem::is_regular_file(path) || std::filesystem::file_size(path) > largest) {
        return;
    }
    std::ifstream stream(path);
    keep_report(std::string(std::istreambuf_iterator<char>(stream), {}));
}

}  // namespace nestbed::test
