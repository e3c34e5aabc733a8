#include "vmm/kut/unittests_cfg.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

// The longest list that there is has a tenth of any.
constexpr std::size_t largest_list = 1U << 20;
constexpr std::size_t most_entries = 2000;
constexpr std::size_t longest_name = 200;

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = std::min(text.find_first_not_of(blanks), text.size());
    const std::size_t end = text.find_last_not_of(blanks) + 1;
    return text.substr(first, std::max(first, end) - first);
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!(text = trimmed(text)).empty()) {
        const std::size_t length = std::min(text.find_first_of(blanks), text.size());
        words.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return words;
}

struct Assignment {
    std::string_view key;
    std::string_view value;
};

/// "key = value", with spaces and no tabs around the sign, as the scripts have it.
std::optional<Assignment> assignment_in(std::string_view line) {
    const std::size_t length = line.find_first_of(" =");
    if (length == std::string_view::npos || length == 0) {
        return std::nullopt;
    }
    const std::size_t equals = line.find_first_not_of(' ', length);
    if (equals == std::string_view::npos || line[equals] != '=') {
        return std::nullopt;
    }
    const std::size_t value = std::min(line.find_first_not_of(' ', equals + 1), line.size());
    return Assignment{line.substr(0, length), line.substr(value)};
}

std::string* member_of(UnittestsEntry& entry, std::string_view key) {
    const std::array<std::pair<std::string_view, std::string*>, 11> members{{
        {"file", &entry.file},
        {"smp", &entry.smp},
        {"test_args", &entry.test_args},
        {"qemu_params", &entry.qemu_params},
        {"extra_params", &entry.qemu_params},  // before 2025
        {"arch", &entry.arch},
        {"machine", &entry.machine},
        {"check", &entry.check},
        {"accel", &entry.accel},
        {"timeout", &entry.timeout},
        {"disabled_if", &entry.disabled_if},
    }};
    const auto* found = std::ranges::find(members, key, &decltype(members)::value_type::first);
    return found == members.end() ? nullptr : found->second;
}

bool ends_with_odd_backslashes(std::string_view line) {
    const std::size_t last = line.find_last_not_of('\\');
    const std::size_t before = last == std::string_view::npos ? 0 : last + 1;
    return (line.size() - before) % 2 == 1;
}

class Parser {
  public:
    Parser(std::string_view text, const std::filesystem::path& path)
        : lines_(split(text, '\n')), path_(path) {
        // What is behind the last line end is no line for the scripts, and not read.
        if (!lines_.back().empty()) {
            refuse(lines_.size(), "the last line has no line end");
        }
        lines_.pop_back();
    }

    std::vector<UnittestsEntry> entries() {
        while (next_ != lines_.size()) {
            read_line(trimmed(lines_[next_++]));
        }
        check_last_entry();
        if (entries_.empty()) {
            throw_error(ErrorKind::input, "{}: there is no test in it, which begins with [NAME]",
                        path_.string());
        }
        return std::move(entries_);
    }

  private:
    [[noreturn]] void refuse(std::size_t line, std::string_view what) const {
        throw_error(ErrorKind::input, "{}:{}: {}", path_.string(), line, what);
    }

    void read_line(std::string_view line) {
        if (line.size() >= 2 && line.starts_with('[') && line.ends_with(']')) {
            begin_entry(line.substr(1, line.size() - 2));
        } else if (const auto assignment = assignment_in(line); assignment && !entries_.empty()) {
            assign(entries_.back(), *assignment);
        }
    }

    void begin_entry(std::string_view name) {
        check_last_entry();
        if (name.empty() || name.size() > longest_name) {
            refuse(next_, fmt::format("a test needs a name between [ and ], of at most {} bytes",
                                      longest_name));
        }
        if (entries_.size() == most_entries) {
            refuse(next_, fmt::format("more than {} tests", most_entries));
        }
        entries_.push_back({.name = std::string(name), .line = next_});
    }

    void check_last_entry() const {
        if (!entries_.empty() && entries_.back().file.empty()) {
            refuse(entries_.back().line, fmt::format("[{}] names no file: add a line file = NAME",
                                                     printable(entries_.back().name)));
        }
    }

    void assign(UnittestsEntry& entry, const Assignment& assignment) {
        constexpr std::string_view quotes = R"(""")";
        const auto [key, value] = assignment;
        std::string* member = member_of(entry, key);
        if (key == "groups") {
            entry.groups = words_of(value);
        } else if (member == &entry.qemu_params && value.starts_with(quotes)) {
            *member = block(value.substr(quotes.size()));
        } else if (member != nullptr) {
            *member = value;
        }
    }

    /// Lines up to one that ends in """. They keep their blanks; a backslash at an end joins two.
    std::string block(std::string_view first) {
        constexpr std::string_view quotes = R"(""")";
        const std::size_t beginning = next_;
        std::string text;
        for (std::string_view line = first;; line = lines_[next_++]) {
            const bool is_last = next_ != beginning && line_closes(line, quotes);
            text += is_last ? line.substr(0, line.rfind(quotes)) : line;
            if (is_last) {
                return text;
            }
            if (ends_with_odd_backslashes(line)) {
                text.pop_back();
            } else {
                text += '\n';
            }
            if (next_ == lines_.size()) {
                refuse(beginning, R"(the """ of this line are not closed, at the end of another)");
            }
        }
    }

    static bool line_closes(std::string_view line, std::string_view quotes) {
        return trimmed(line).ends_with(quotes);
    }

    std::vector<std::string_view> lines_;
    std::size_t next_ = 0;  ///< so that it is also the number, from 1, of the line that is read
    const std::filesystem::path& path_;
    std::vector<UnittestsEntry> entries_;
};

}  // namespace

std::vector<UnittestsEntry> parse_unittests_cfg(std::string_view text,
                                                const std::filesystem::path& path) {
    if (text.size() > largest_list) {
        throw_error(ErrorKind::input, "{}: more than {}: this is no list of tests", path.string(),
                    size_text(largest_list));
    }
    return Parser(text, path).entries();
}

}  // namespace nestbed::vmm
