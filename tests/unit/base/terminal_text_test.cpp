#include "vmm/base/terminal_text.hpp"

#include <gmock/gmock.h>

namespace nestbed::vmm {
namespace {

/// What is shown of a text that comes in pieces of so many bytes.
std::string shown(std::string_view text, std::size_t piece) {
    TerminalText terminal;
    std::string all;
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
        all += terminal.take(text.substr(0, piece));
    }
    return all + terminal.rest();
}

TEST(TerminalText, IsTheSameHoweverItComes) {
    for (const std::size_t piece : {1U, 2U, 3U, 5U, 100U}) {
        EXPECT_EQ(shown("plain, µs, 日本\n\ttab\n", piece), "plain, µs, 日本\n\ttab\n") << piece;
        EXPECT_EQ(shown("\x1b[32mPASS\x1b[0m\n", piece), "\x1b[32mPASS\x1b[0m\n") << piece;
        EXPECT_EQ(shown("\x1b[2J\x1b]0;title\x07\x1b[31", piece),
                  "\\x1b[2J\\x1b]0;title\\x07\\x1b[31")
            << piece;
        EXPECT_EQ(shown("\xC2\x9B"
                        "2J\u202E\xE6\x97",
                        piece),
                  "\\xc2\\x9b"
                  "2J\\xe2\\x80\\xae\\xe6\\x97")
            << piece;
        EXPECT_EQ(shown("\x1b\x1b\x1b[0m", piece), "\\x1b\\x1b\x1b[0m") << piece;
    }
}

TEST(TerminalText, WhatIsWholeDoesNotWait) {
    TerminalText terminal;
    EXPECT_EQ(terminal.take("a\x1b[3"), "a");
    EXPECT_EQ(terminal.take("2mb"), "\x1b[32mb");
    EXPECT_EQ(terminal.rest(), "");
}

}  // namespace
}  // namespace nestbed::vmm
