#include "vmm/base/text.hpp"

#include <gmock/gmock.h>

namespace nestbed::vmm {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

TEST(Printable, LeavesTextAlone) {
    EXPECT_EQ(printable("plain, µs, 日本, 🙂"), "plain, µs, 日本, 🙂");
}

TEST(Printable, ShowsControlCharacters) {
    EXPECT_EQ(printable("a\nb\tc\x1b[31m\x7f"), "a\\x0ab\\x09c\\x1b[31m\\x7f");
    EXPECT_EQ(printable("zero\0end"s), "zero\\x00end");
    // U+009B is CSI to some terminals.
    EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");
}

TEST(Printable, ShowsBytesThatAreNotUtf8) {
    EXPECT_EQ(printable("\xFFx"), "\\xffx");
    EXPECT_EQ(printable("\xC3"), "\\xc3");
    EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf") << "an overlong slash";
    EXPECT_EQ(printable("\xE0\x80\xAF"), "\\xe0\\x80\\xaf") << "another one";
    EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
    EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
    EXPECT_EQ(printable("\x80\xBF"), "\\x80\\xbf") << "continuations of nothing";
    EXPECT_EQ(printable("\xF8\x90\x80\x80"), "\\xf8\\x90\\x80\\x80") << "no first byte";
    EXPECT_EQ(printable("\xF0\x8F\x80\x80"), "\\xf0\\x8f\\x80\\x80") << "overlong";
    EXPECT_EQ(printable("\xE6\x97"), "\\xe6\\x97") << "cut off";
}

TEST(Printable, ShowsWhatTurnsTheOrderOfText) {
    EXPECT_EQ(printable("a\u202Eb\u2066c\u200Fd"),
              "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c\\xe2\\x80\\x8fd");
    EXPECT_EQ(printable("\u2028\uFEFF\U000E0041"),
              "\\xe2\\x80\\xa8\\xef\\xbb\\xbf\\xf3\\xa0\\x81\\x81");
}

TEST(Printable, LeavesWhatIsAllowed) {
    EXPECT_EQ(printable_but("a\n\tb\x1b\r", "\n\t"), "a\n\tb\\x1b\\x0d");
}

TEST(JsonPrintable, MeansTheSame) {
    EXPECT_EQ(json_printable("{\n  \"µ\xC2\x9B\u202E\x7F\"}\n"),
              "{\n  \"µ\\u009b\\u202e\\u007f\"}\n");
}

TEST(Shortened, CutsNoCharacter) {
    EXPECT_EQ(shortened("abc", 3), "abc");
    EXPECT_EQ(shortened("abcd", 3), "abc…");
    EXPECT_EQ(shortened("aµµ", 4), "aµ…");
}

TEST(FirstColumns, CountsCharacters) {
    EXPECT_EQ(first_columns("aµ日b", 3), "aµ日");
    EXPECT_EQ(first_columns("aµ", 3), "aµ");
    EXPECT_EQ(first_columns("aµ", 0), "");
}

TEST(WholeCharacters, LeavesOutAnUnfinishedOne) {
    EXPECT_EQ(whole_characters("a\xE6\x97"), "a");
    EXPECT_EQ(whole_characters("a日"), "a日");
    EXPECT_EQ(whole_characters("\x80\x80\x80\x80\x80"), "\x80\x80\x80\x80\x80");
    EXPECT_EQ(whole_characters(""), "");
}

TEST(ValidUtf8, ReplacesOnlyWhatIsInvalid) { EXPECT_EQ(valid_utf8("µ\xFF\n"), "µ\xEF\xBF\xBD\n"); }

TEST(Split, GivesEmptyPartsToo) {
    EXPECT_THAT(split("1,,2,", ','), ElementsAre("1", "", "2", ""));
    EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Lines, EndWithOrWithoutALineEnd) {
    EXPECT_THAT(lines_of("a\nb"), ElementsAre("a", "b"));
    EXPECT_THAT(lines_of("a\n\nb\n"), ElementsAre("a", "", "b"));
    EXPECT_THAT(lines_of(""), ElementsAre());
}

TEST(Wrapped, BreaksAtSpaces) {
    EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("incomprehensible word", 4), ElementsAre("incomprehensible", "word"));
    EXPECT_THAT(wrapped("µµ µµ µµ", 5), ElementsAre("µµ µµ", "µµ")) << "columns, not bytes";
    EXPECT_THAT(wrapped("", 5), ElementsAre());
}

TEST(Counted, KnowsThePlural) {
    EXPECT_EQ(counted(0, "test"), "0 tests");
    EXPECT_EQ(counted(1, "test"), "1 test");
    EXPECT_EQ(counted(2, "test"), "2 tests");
}

TEST(Duration, HasTheUnitThatFits) {
    EXPECT_EQ(duration(0.0098), "9.80 ms");
    EXPECT_EQ(duration(12.345), "12.3 s");
    EXPECT_EQ(duration(3.456e-10), "0.35 ns");
    EXPECT_EQ(duration(61.44e-9), "61.4 ns");
    EXPECT_EQ(duration(266.4e-6), "266 µs");
    EXPECT_EQ(duration(999.6e-9), "1.00 µs");
    EXPECT_EQ(duration(9.996e-6), "10.0 µs");
    EXPECT_EQ(duration(-0.5), "-500 ms");
    EXPECT_EQ(duration(0), "0.00 ns");
}

TEST(PlaceText, AFileAsAWholeHasNoLine) {
    EXPECT_EQ(place_text("paging.cpp", 12), "paging.cpp:12");
    EXPECT_EQ(place_text("apic.flat", 0), "apic.flat");
}

}  // namespace
}  // namespace nestbed::vmm
