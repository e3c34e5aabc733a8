#include "vmm/render/matrix.hpp"

#include <gmock/gmock.h>

#include <array>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using test::failed;
using test::passed;
using test::skipped;
using testing::HasSubstr;
using testing::Not;

ResultFile environment(const std::string& name, std::initializer_list<TestResult> tests) {
    ResultFile file;
    file.environment = name;
    file.host.cpu = "A CPU";
    file.host.kernel = "6.1";
    file.host.paging = name;
    file.tests = tests;
    return file;
}

std::string text_of(std::initializer_list<ResultFile> environments) {
    return matrix_text({environments.begin(), environments.size()});
}

TEST(Matrix, IsWholeForTwoEnvironments) {
    ResultFile npt = environment("npt", {passed("boot", "empty"), failed("demo", "fails"),
                                         skipped("paging", "huge", "no 1 GiB pages")});
    npt.host.emulated = EmulatedMachine{.emulator = "QEMU 7.2",
                                        .cpu_model = "max",
                                        .kernel_package = "linux 6.1",
                                        .package_checksum = "",
                                        .kernel_checksum = "",
                                        .retries = 1};
    EXPECT_EQ(text_of({environment("ept", {passed("boot", "empty"), passed("boot", "full")}), npt}),
              R"(        --------- ept ---------  --------- npt ---------
suite   passed  failed  skipped  passed  failed  skipped
boot         2       0        0       1       0        0
demo         -       -        -       0       1        0
paging       -       -        -       0       0        1
all          2       0        0       1       1        1

  ept  ept on A CPU, Linux 6.1
  npt  npt on A CPU, emulated by QEMU 7.2 (1 machine before it hung), Linux 6.1

skipped:
  no 1 GiB pages
    npt: paging.huge

failed:
  an expectation failed
    npt: demo.fails
)");
}

TEST(Matrix, FlakyTestsAreSaid) {
    EXPECT_THAT(text_of({environment("npt", {test::flaky("demo", "wavers")})}),
                HasSubstr("\nflaky:\n"
                          "  npt: demo.wavers: failed 2 of 3 attempts: an expectation failed\n"));
    EXPECT_THAT(text_of({environment("npt", {passed("demo", "works")})}), Not(HasSubstr("flaky")));
    const std::array one{environment("npt", {test::flaky("demo", "wavers")})};
    EXPECT_THAT(matrix_text(one, 40), HasSubstr("\nflaky:\n"
                                                "  npt: demo.wavers: failed 2 of 3\n"
                                                "    attempts: an expectation failed\n"));
}

TEST(Matrix, SuitesStandInTheOrderInWhichTheyCome) {
    const std::string text =
        text_of({environment("ept", {passed("zoo", "a"), passed("boot", "b")}),
                 environment("npt", {passed("demo", "c"), passed("zoo", "a")})});
    EXPECT_LT(text.find("\nzoo"), text.find("\nboot"));
    EXPECT_LT(text.find("\nboot"), text.find("\ndemo"));
    EXPECT_EQ(text.find("\nzoo"), text.rfind("\nzoo"));
}

TEST(Matrix, TheSameReasonStandsOnce) {
    EXPECT_THAT(text_of({environment("ept", {skipped("paging", "huge", "no 1 GiB pages"),
                                             skipped("paging", "split", "no 1 GiB pages")})}),
                HasSubstr("\nskipped:\n"
                          "  no 1 GiB pages\n"
                          "    ept: paging.huge, paging.split\n"));
}

TEST(Matrix, TheSameTestsOfSeveralEnvironmentsStandOnce) {
    const TestResult huge = skipped("paging", "huge", "no 1 GiB pages");
    const TestResult split = skipped("paging", "split", "no 1 GiB pages");
    EXPECT_THAT(text_of({environment("ept", {huge, split}), environment("npt", {huge})}),
                HasSubstr("\nskipped:\n"
                          "  no 1 GiB pages\n"
                          "    ept: paging.split\n"
                          "    ept, npt: paging.huge\n"));
}

TEST(Matrix, ARepeatedTestStandsOnce) {
    TestResult again = failed("demo", "fails");
    again.repetition = 2;
    EXPECT_THAT(text_of({environment("ept", {failed("demo", "fails"), again})}),
                HasSubstr("    ept: demo.fails\n"));
}

TEST(Matrix, FailuresStandLast) {
    const std::string text =
        text_of({environment("ept", {failed("demo", "fails"), skipped("demo", "skips", "why")})});
    EXPECT_LT(text.find("\nskipped:\n"), text.find("\nfailed:\n"));
}

TEST(Matrix, WithoutFailuresOrSkipsThereIsNoListOfThem) {
    const std::string text = text_of({environment("ept", {passed("boot", "empty")})});
    EXPECT_THAT(text, Not(HasSubstr("skipped:")));
    EXPECT_THAT(text, Not(HasSubstr("failed:")));
}

TEST(Matrix, ALongListIsWrapped) {
    std::initializer_list<TestResult> tests{skipped("paging", std::string(50, 'a'), "why"),
                                            skipped("paging", std::string(50, 'b'), "why")};
    EXPECT_THAT(text_of({environment("ept", tests)}),
                HasSubstr("    ept: paging." + std::string(50, 'a') + ",\n    paging." +
                          std::string(50, 'b') + "\n"));
}

TEST(Matrix, AnUnfinishedRunIsNamed) {
    ResultFile ept = environment("ept", {passed("boot", "empty")});
    ept.not_finished = 2;
    EXPECT_THAT(text_of({ept}), HasSubstr("Linux 6.1; 2 tests did not finish\n"));
}

TEST(Matrix, NamesAreMadePrintable) {
    const std::string text = text_of(
        {environment("e\x1b[31m", {skipped("suite\n", "test", "why\r"), failed("b\x07", "c")})});
    EXPECT_THAT(text, Not(testing::ContainsRegex("[\x01-\x09\x0b-\x1f]")));
    EXPECT_THAT(text, HasSubstr("\nsuite\\x0a "));
}

TEST(Matrix, AllPassedIfNothingFailedAndSomethingPassed) {
    EXPECT_TRUE(all_passed(
        std::vector{environment("ept", {passed("boot", "empty"), skipped("boot", "full", "why")}),
                    environment("npt", {passed("boot", "empty")})}));
}

TEST(Matrix, OneEnvironmentSpoilsIt) {
    const ResultFile good = environment("ept", {passed("boot", "empty")});
    ResultFile unfinished = good;
    unfinished.not_finished = 1;
    for (const ResultFile& bad :
         {unfinished, environment("npt", {passed("boot", "empty"), failed("demo", "fails")}),
          environment("npt", {skipped("boot", "empty", "why")}), environment("npt", {})}) {
        EXPECT_FALSE(all_passed(std::vector{good, bad}));
    }
}

}  // namespace
}  // namespace nestbed::vmm
