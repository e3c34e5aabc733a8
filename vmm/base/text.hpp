// Small pieces of text that several reports share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// A text of a guest, a file, an option or the environment made safe to print: control characters
/// (line ends and terminal escapes included), what turns the order of text, and bytes that are not
/// UTF-8 become `\x1b` and the like.
std::string printable(std::string_view text);
/// Characters of ASCII that are `allowed` stay.
std::string printable_but(std::string_view text, std::string_view allowed);

/// As JSON has it, a text means the same with `\u009b` in it for such a character.
std::string json_printable(std::string json);

/// Without a character at the end that is not all there.
std::string_view whole_characters(std::string_view text);

/// No more than so many bytes of it, with an ellipsis if there were more.
std::string shortened(std::string_view text, std::size_t most);

/// Nothing but valid UTF-8: each byte that is not part of it becomes U+FFFD.
std::string valid_utf8(std::string_view text);

/// What stands between the separators: one part, which may be empty, if there is none of them.
std::vector<std::string_view> split(std::string_view text, char separator);

std::vector<std::string_view> lines_of(std::string_view text);

/// Of texts that are broken into lines, in columns.
inline constexpr std::size_t page_width = 100;

/// Of texts that go to no terminal.
inline constexpr std::size_t any_width = ~std::size_t{0};

/// Lines of at most `width` columns, broken at spaces; a longer word has a line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// Each line of a text wrapped by itself, to a page's width or what less there is.
std::string paragraphs(std::string_view text, std::size_t width);

/// Columns that a text takes on the screen: one for each code point.
std::size_t width_of(std::string_view text);

/// What of a text takes no more than so many.
std::string_view first_columns(std::string_view text, std::size_t columns);

/// "paging.cpp:12"; "paging.cpp" of a file as a whole, whose line is 0.
std::string place_text(std::string_view file, std::uint64_t line);

/// "1 test", "2 tests".
std::string counted(std::uint64_t count, std::string_view noun);

/// "599,900".
std::string grouped(std::uint64_t number);

/// A number of bytes in the greatest unit that leaves no fraction: "4 KiB", "3 MiB".
std::string size_text(std::uint64_t bytes);

/// In the unit that suits it, to three digits: "61.4 ns", "9.80 ms", "1.25 s".
std::string duration(double seconds);

}  // namespace nestbed::vmm
