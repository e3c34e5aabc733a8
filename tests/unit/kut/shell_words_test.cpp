#include "vmm/kut/shell_words.hpp"

#include <gmock/gmock.h>

#include "tests/unit/nested/failure.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const ShellContext shell_context{.variables = {{"MAX_SMP", "8"}, {"TWO", "a b"}}, .now = "1234"};

std::vector<std::string> words_in(std::string_view text) {
    return shell_words(text, shell_context);
}

std::string shell_refusal(std::string_view text) {
    return test::failure_of([&] { words_in(text); }, ErrorKind::input);
}

TEST(ShellWords, AreSeparatedByBlanks) {
    EXPECT_THAT(words_in(""), IsEmpty());
    EXPECT_THAT(words_in(" \t "), IsEmpty());
    EXPECT_THAT(words_in("  -m\t256  -smp 2 "), ElementsAre("-m", "256", "-smp", "2"));
}

TEST(ShellWords, QuotesKeepBlanksAndGo) {
    EXPECT_THAT(words_in(R"('a b'"c d"e)"), ElementsAre("a bc de"));
    EXPECT_THAT(words_in(R"('' "")"), ElementsAre("", ""));
    EXPECT_THAT(words_in(R"('"' "'")"), ElementsAre("\"", "'"));
    EXPECT_THAT(words_in("'a\nb'"), ElementsAre("a\nb"));
}

TEST(ShellWords, SingleQuotesKeepEverything) {
    EXPECT_THAT(words_in(R"('a\b $HOME `ls`')"), ElementsAre(R"(a\b $HOME `ls`)"));
}

TEST(ShellWords, ABackslashQuotesOneCharacter) {
    EXPECT_THAT(words_in(R"(a\ b \'c \\ \$x)"), ElementsAre("a b", "'c", "\\", "$x"));
    EXPECT_THAT(words_in("a\\\nb"), ElementsAre("ab"));
}

TEST(ShellWords, InDoubleQuotesABackslashQuotesWhatIsSpecialThere) {
    EXPECT_THAT(words_in(R"("\" \\ \$ \` \n \'")"), ElementsAre(R"(" \ $ ` \n \')"));
    EXPECT_THAT(words_in("\"a\\\nb\""), ElementsAre("ab"));
}

TEST(ShellWords, HaveGivenVariables) {
    EXPECT_THAT(words_in("$MAX_SMP ${MAX_SMP}0 \"$MAX_SMP\""), ElementsAre("8", "80", "8"));
    EXPECT_THAT(words_in("$TWO \"$TWO\""), ElementsAre("a", "b", "a b"));
}

TEST(ShellWords, HaveTheTime) {
    EXPECT_THAT(words_in("\"10 `date +%s`\""), ElementsAre("10 1234"));
    EXPECT_THAT(words_in("`date +%s` $(date +%s)"), ElementsAre("1234", "1234"));
}

TEST(ShellWords, PatternsStay) {
    EXPECT_THAT(words_in("-a* b? [c]"), ElementsAre("-a*", "b?", "[c]"));
}

TEST(ShellWords, HaveComments) {
    EXPECT_THAT(words_in("-m 256 # a lot"), ElementsAre("-m", "256"));
    EXPECT_THAT(words_in("a#b '#' \\#"), ElementsAre("a#b", "#", "#"));
    EXPECT_THAT(words_in("a~b"), ElementsAre("a~b"));
}

TEST(ShellWords, EndWithTheLine) {
    EXPECT_THAT(words_in("a b\n \n"), ElementsAre("a", "b"));
    EXPECT_THAT(shell_refusal("a\nb"), testing::HasSubstr("a line ends the command"));
}

TEST(ShellWords, WhatIsNotClosedIsRefused) {
    EXPECT_EQ(shell_refusal("'a"), "'a: there is no end to the single quotes");
    EXPECT_EQ(shell_refusal("\"a"), "\"a: there is no end to the double quotes");
    EXPECT_EQ(shell_refusal("\"a\\"), "\"a\\: there is no end to the double quotes");
    EXPECT_EQ(shell_refusal("`date"), "`date: there is no end to the command");
    EXPECT_EQ(shell_refusal("${A"), "${A: there is no end to the variable");
    EXPECT_EQ(shell_refusal("a\\"), "a\\: there is nothing behind the last backslash");
}

TEST(ShellWords, OtherCommandsAreNotRun) {
    for (const char* text : {"`id`", "$(id)", "\"$(id)\"", "`date`", "$(date +%s; id)"}) {
        EXPECT_THAT(shell_refusal(text), testing::HasSubstr("the only command")) << text;
    }
}

TEST(ShellWords, OtherVariablesAreNotKnown) {
    EXPECT_EQ(shell_refusal("$HOME"), "$HOME: $HOME is not known here");
    for (const char* text : {"${MAX_SMP:-1}", "$1", "$?", "$", "\"$\"", "$'a'"}) {
        EXPECT_THAT(shell_refusal(text), testing::HasSubstr("is not known here")) << text;
    }
}

TEST(ShellWords, WhatIsMoreThanWordsIsRefused) {
    for (const char* text : {"a;b", "a&", "a|b", "<a", ">a", "(a)", "a)", "{a,b}"}) {
        EXPECT_THAT(shell_refusal(text), testing::HasSubstr("more than words")) << text;
        EXPECT_EQ(words_in(fmt::format("'{}'", text)).size(), 1U) << text;
    }
    EXPECT_THAT(shell_refusal("~"), testing::HasSubstr("somebody's folder"));
}

TEST(ShellWords, ARefusalDoesNotRepeatAllOfALongText) {
    EXPECT_LT(shell_refusal(std::string(100'000, 'x') + "'").size(), 500U);
}

}  // namespace
}  // namespace nestbed::vmm
