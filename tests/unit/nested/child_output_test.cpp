// What programs that do one thing and end have written.

#include <gmock/gmock.h>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/failure.hpp"
#include "vmm/nested/child_process.hpp"

namespace nestbed::vmm {
namespace {

using test::failure_of;

std::string output_of_script(const std::string& script) { return output_of({"sh", "-c", script}); }

TEST(OutputOf, IsWhatTheProgramWrites) {
    EXPECT_EQ(output_of({"echo", "a", "b  c"}), "a b  c\n");
    EXPECT_EQ(output_of({"true"}), "");
}

TEST(OutputOf, LeavesStandardErrorOut) {
    EXPECT_EQ(output_of_script("echo warning >&2; echo result"), "result\n");
}

TEST(OutputOf, MayHoldAnyBytes) {
    EXPECT_EQ(output_of_script("printf '\\377\\000\\n'"), std::string("\xFF\0\n", 3));
}

TEST(OutputOf, RunsInTheFolder) {
    const test::TemporaryFolder folder;
    folder.write("here", "");
    EXPECT_EQ(output_of({"ls"}, folder.path()), "here\n");
}

TEST(OutputOf, TheProgramWaitsForNoInput) { EXPECT_EQ(output_of({"cat"}), ""); }

TEST(OutputOf, AFailureIsTheLastLineOnStandardError) {
    EXPECT_EQ(failure_of([] {
                  output_of({"sh", "-c", "echo output; echo first >&2; echo last >&2; exit 1"});
              }),
              "sh -c echo output; echo first >&2; echo last >&2; exit 1 failed: last");
    EXPECT_EQ(failure_of([] {
                  output_of({"sh", "-c", "printf 'last\n\n' >&2; exit 1"});
              }),
              "sh -c printf 'last\n\n' >&2; exit 1 failed: last");
}

TEST(OutputOf, AFailureWithoutWordsIsItsStatus) {
    EXPECT_EQ(failure_of([] { output_of({"false"}); }), "false failed: exit status 1");
    EXPECT_EQ(failure_of([] {
                  output_of({"sh", "-c", "kill -KILL $$"});
              }),
              "sh -c kill -KILL $$ failed: signal 9 (Killed)");
}

TEST(OutputOf, AMissingProgramIsNamed) {
    EXPECT_EQ(failure_of([] { output_of({"no-such-program"}); }),
              "there is no program no-such-program");
}

TEST(OutputOf, BothStreamsMayBeLargerThanAPipe) {
    const std::string output = "head -c 1000000 /dev/zero";
    const std::string error = "head -c 1000000 /dev/zero >&2";
    EXPECT_EQ(output_of_script(output + "; " + error).size(), 1'000'000U);
    EXPECT_EQ(output_of_script(error + "; " + output).size(), 1'000'000U);
}

TEST(LastLine, IsTheLastOneThatIsNotEmpty) {
    EXPECT_EQ(last_line("first\nlast\n\n"), "last");
    EXPECT_EQ(last_line("first\nlast"), "last");
    EXPECT_EQ(last_line("only"), "only");
    EXPECT_EQ(last_line("\n\n"), "");
    EXPECT_EQ(last_line(""), "");
}

}  // namespace
}  // namespace nestbed::vmm
