#include "vmm/base/kernel_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::vmm {

namespace fs = std::filesystem;

std::optional<std::string> first_line(const fs::path& file) {
    constexpr std::size_t longest = 1 << 16;
    // Those of /sys that wait for an event are not waited for, and no line is without end.
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    std::string line;
    while (opened.get() >= 0 && line.size() < longest && line.find('\n') == line.npos &&
           read_some(opened.get(), line) > 0) {
    }
    line.erase(std::min(line.find('\n'), line.size()));
    return line.find_first_not_of(" \t") == std::string::npos ? std::nullopt : std::optional(line);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> number_in(const fs::path& file) {
    return whole_number(first_line(file).value_or(""));
}

std::optional<bool> flag_in(const fs::path& file) {
    const std::string said = first_line(file).value_or("");
    const bool on = said == "1" || said == "Y";
    return on || said == "0" || said == "N" ? std::optional(on) : std::nullopt;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        entries.push_back(entry->path());
    }
    std::ranges::sort(entries);
    return entries;
}

bool is_there(const fs::path& file) {
    std::error_code closed;
    return fs::exists(file, closed);
}

}  // namespace nestbed::vmm
