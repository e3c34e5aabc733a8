#include "vmm/kut/environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "vmm/base/error.hpp"
#include "vmm/base/kernel_file.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

/// "6.8.0-101-generic" as the scripts take it apart; what is no number there is empty.
struct KernelVersion {
    std::string_view version;
    std::string_view patchlevel;
    std::string_view sublevel;
    std::string_view extra;
};

std::string_view take_part(std::string_view& text, char separator) {
    const std::size_t length = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    return part;
}

std::string_view leading_digits(std::string_view text) {
    return text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
}

KernelVersion kernel_version(std::string_view text) {
    KernelVersion parts{};
    parts.version = take_part(text, '.');
    parts.patchlevel = take_part(text, '.');
    parts.sublevel = leading_digits(take_part(text, '-'));
    parts.extra = leading_digits(text);
    return parts;
}

/// In the order of releases; what a version does not say is 0 in it. Nothing if it has not got the
/// first two.
std::optional<std::array<std::uint64_t, 4>> numbers_of(const KernelVersion& version) {
    const auto first = whole_number(version.version);
    const auto second = whole_number(version.patchlevel);
    if (!first || !second) {
        return std::nullopt;
    }
    return std::array{*first, *second, whole_number(version.sublevel).value_or(0),
                      whole_number(version.extra).value_or(0)};
}

std::string without_blanks(std::string_view text) {
    std::string rest(text);
    std::erase_if(rest, [](char c) { return c == ' ' || c == '\t'; });
    return rest;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.find_first_not_of(
                                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
                                "klmnopqrstuvwxyz_") == std::string_view::npos;
}

/// ERRATA_COMMIT=y of those whose fix the kernel has, =n of the others.
std::string errata_lines(const KernelVersion& kernel, std::string_view errata,
                         const std::filesystem::path& path) {
    const auto have = numbers_of(kernel);
    std::string lines;
    std::size_t number = 0;
    for (const std::string_view line : split(errata, '\n')) {
        ++number;
        const std::string text = without_blanks(line);
        std::string_view rest = text;
        const std::string_view commit = take_part(rest, ':');
        if (line.starts_with('#') || commit.empty()) {
            continue;
        }
        const auto fixed_in = numbers_of(kernel_version(take_part(rest, ':')));
        if (!is_name(commit) || !fixed_in) {
            throw_error(ErrorKind::input,
                        "{}:{}: not a commit and the kernel that has it, as in 8c58be34494b : 5.6",
                        path.string(), number);
        }
        lines += fmt::format("ERRATA_{}={}\n", commit, have >= fixed_in ? 'y' : 'n');
        if (lines.size() > largest_environment) {
            break;
        }
    }
    return lines;
}

}  // namespace

std::string kut_environment(const KutHost& host, std::string_view errata,
                            const std::filesystem::path& path) {
    const KernelVersion kernel = kernel_version(host.kernel_release);
    std::string lines = fmt::format(
        "TARGET={}\nKERNEL_VERSION_STRING={}\nKERNEL_VERSION={}\nKERNEL_PATCHLEVEL={}\n"
        "KERNEL_SUBLEVEL={}\nKERNEL_EXTRAVERSION={}\n",
        host.target, host.kernel_release, kernel.version, kernel.patchlevel, kernel.sublevel,
        kernel.extra);
    lines += errata_lines(kernel, errata, path);
    if (host.all_errata) {
        lines += "ERRATA_FORCE=y\n";
    }
    if (lines.size() > largest_environment) {
        throw_error(ErrorKind::input, "{}: more errata than {} of text can name", path.string(),
                    size_text(largest_environment));
    }
    return lines;
}

}  // namespace nestbed::vmm
