// A serial line's log, by way of the port whose pieces it is made of.

#include "vmm/run/serial_log.hpp"

#include <gmock/gmock.h>

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Of `text` in the pieces that SerialPort makes of it.
Attempt logged(std::string_view text) {
    constexpr std::size_t most_of_a_piece = 1024;
    SerialLog log;
    while (!text.empty()) {
        const std::size_t size =
            std::min({text.find('\n') == text.npos ? text.size() : text.find('\n') + 1,
                      most_of_a_piece, text.size()});
        log.add(text.substr(0, size));
        text.remove_prefix(size);
    }
    Attempt attempt;
    log.move_to(attempt);
    return attempt;
}

TEST(SerialLog, HasLinesWithoutTheirEnds) {
    EXPECT_THAT(logged("").log, IsEmpty());
    EXPECT_THAT(logged("one\ntwo\r\n\n\r\nlast").log, ElementsAre("one", "two", "", "", "last"));
    EXPECT_THAT(logged("one\n").log, ElementsAre("one"));
    EXPECT_THAT(logged("a\rb\r\r\nc\r").log, ElementsAre("a\rb\r", "c\r"))
        << "a return is only a part of a line's end";
    EXPECT_EQ(logged("one\n").log_left_out, 0U);
}

TEST(SerialLog, ALineOfPiecesIsOne) {
    SerialLog log;
    for (const char* piece : {"PASS", ": in", " pieces\r\n", "more"}) {
        log.add(piece);
    }
    Attempt attempt;
    log.move_to(attempt);
    EXPECT_THAT(attempt.log, ElementsAre("PASS: in pieces", "more"));
    EXPECT_THAT(attempt.sub_results.all,
                ElementsAre(SubResult{SubResult::Kind::pass, "in pieces"}));
}

TEST(SerialLog, ALongLineIsCut) {
    for (const std::size_t size : {1022U, 1023U, 1024U, 1025U, 2047U, 2048U, 2049U, 100'000U}) {
        for (const char* end : {"", "\n", "\r\n"}) {
            const std::string line(size, 'x');
            const Attempt attempt = logged("before\n" + line + end + "after\n");
            const std::string kept = line.substr(0, 1024);
            if (*end == '\0') {
                const std::string joined = (line + "after").substr(0, 1024);
                EXPECT_THAT(attempt.log, ElementsAre("before", joined)) << size;
            } else {
                EXPECT_THAT(attempt.log, ElementsAre("before", kept, "after")) << size;
            }
        }
    }
}

TEST(SerialLog, WithoutLineEndsItStaysSmall) {
    const Attempt attempt = logged(std::string(10'000'000, 'x'));
    EXPECT_THAT(attempt.log, ElementsAre(std::string(1024, 'x')));
    EXPECT_THAT(logged(std::string(3000, '\0')).log, ElementsAre(std::string(1024, '\0')));
}

TEST(SerialLog, KeepsTheFirstLinesAndTheLast) {
    std::string text;
    for (int n = 0; n < 25'000; ++n) {
        text += fmt::format("line {}\r\n", n);
    }
    const Attempt attempt = logged(text);
    ASSERT_EQ(attempt.log.size(), 10'000U);
    EXPECT_EQ(attempt.log_left_out, 15'000U);
    EXPECT_EQ(attempt.log[0], "line 0");
    EXPECT_EQ(attempt.log[4'999], "line 4999");
    EXPECT_EQ(attempt.log[5'000], "line 20000");
    EXPECT_EQ(attempt.log.back(), "line 24999");
    EXPECT_THAT(attempt.sub_results.all, IsEmpty());
}

TEST(SerialLog, EmptyLinesCountToo) {
    const Attempt attempt = logged(std::string(20'001, '\n'));
    EXPECT_EQ(attempt.log.size(), 10'000U);
    EXPECT_EQ(attempt.log_left_out, 10'001U);
}

TEST(SerialLog, CountsAllChecksAndKeepsSome) {
    std::string text;
    for (int n = 0; n < 12'000; ++n) {
        text += fmt::format("{}: check {}\nnothing\n", n % 3 == 0 ? "FAIL" : "PASS", n);
    }
    text += "SKIP: the end, without one";
    const SubResults results = logged(text).sub_results;
    EXPECT_EQ(results.counts.text(), "8000 PASS, 4000 FAIL, 1 SKIP");
    ASSERT_EQ(results.all.size(), 10'000U);
    EXPECT_EQ(results.left_out, 2'001U);
    EXPECT_EQ(results.all.size() + results.left_out, results.counts.total());
    EXPECT_EQ(results.all.front().text, "check 0");
    EXPECT_EQ(results.all[4'999].text, "check 4999");
    EXPECT_EQ(results.all[5'000].text, "check 7001");
    EXPECT_EQ(results.all.back().text, "the end, without one");
}

TEST(SerialLog, ACheckOfALongLineIsCutAsTheLineIs) {
    const SubResults results = logged("PASS: " + std::string(5'000, 'x') + "\n").sub_results;
    EXPECT_EQ(results.counts.total(), 1U);
    EXPECT_THAT(results.all,
                ElementsAre(SubResult{SubResult::Kind::pass, std::string(1024 - 6, 'x')}));
}

TEST(SerialLog, ACheckAfterThePieceOfALineIsNone) {
    EXPECT_EQ(
        logged(std::string(1024, 'x') + "PASS: no line of its own\n").sub_results.counts.total(),
        0U);
}

TEST(SerialLog, BeginsWithLinesOfSomebodyElses) {
    SerialLog log;
    log.add_lines({"warning: one", "PASS: none of the guest's"});
    log.add("first\n");
    Attempt attempt;
    log.move_to(attempt);
    EXPECT_THAT(attempt.log, ElementsAre("warning: one", "PASS: none of the guest's", "first"));
    EXPECT_THAT(attempt.sub_results.all, IsEmpty());
}

}  // namespace
}  // namespace nestbed::vmm
