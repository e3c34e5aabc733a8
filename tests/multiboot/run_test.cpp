// nestbed run with multiboot guests.

#include <string>
#include <vector>

#include "tests/multiboot/multiboot_program.hpp"
#include "tests/program/expectations.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST_F(MultibootProgram, RunsAFileWithArgumentsAndEnvironment) {
    const std::string guest = multiboot_guest("information");
    const ProcessResult result = nestbed({"run", guest, "--append", "one two", "--env", "A=1",
                                          "--env", "B=x y", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    const json all = report();
    const json& test = all["tests"][0];
    EXPECT_EQ(test["suite"], "information");
    EXPECT_EQ(test["name"], "elf");
    EXPECT_EQ(test["verdict"], "passed");
    EXPECT_EQ(test["multiboot"]["exit_value"], 0);
    const std::vector<std::string> log = test["log"];
    EXPECT_THAT(log, testing::IsSupersetOf(std::vector<std::string>{
                         "command line " + guest + " one two", "A=1", "B=x y"}));
}

TEST_F(MultibootProgram, MemoryAndCpusAreOptions) {
    const ProcessResult result =
        nestbed({"run", multiboot_guest("memory_map"), multiboot_guest("processors"), "--memory",
                 "200M", "--cpus", "2", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
    const std::string all = contents(path("out.json"));
    EXPECT_THAT(all, HasSubstr("0000000000100000 000000000c700000 00000001"));
    EXPECT_THAT(all, HasSubstr("processor 00000001 line 00000001"));
}

TEST_F(MultibootProgram, IsListedByItsFile) {
    const std::string guest = multiboot_guest("exit");
    const ProcessResult result = nestbed({"list", guest});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, testing::ContainsRegex("exit.elf  +1 vCPU  +" + guest + " *\n"));
}

TEST_F(MultibootProgram, AFailureIsShownWithItsChecks) {
    const ProcessResult result =
        nestbed({"run", multiboot_guest("results"), "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, test_failed) << result.err;
    EXPECT_THAT(result.out, HasSubstr("3 of 8 checks failed: fifth"));
    const json all = report();
    const json& found = all["tests"][0]["multiboot"];
    EXPECT_EQ(found["exit_value"], 1);
    EXPECT_EQ(found["counts"]["FAIL"], 2);
    EXPECT_EQ(found["counts"]["XPASS"], 1);
    EXPECT_EQ(found["checks"].size(), 8U);
    EXPECT_EQ(found["checks"][3], json({{"kind", "XFAIL"}, {"text", "fourth"}}));
}

TEST_F(MultibootProgram, ASkipOfAllIsNoSuccess) {
    EXPECT_EQ(nestbed({"run", multiboot_guest("exit"), "--append", "d38"}).exit_code, test_failed);
    EXPECT_EQ(nestbed({"run", multiboot_guest("exit"), "--append", "d0"}).exit_code, success);
}

TEST_F(MultibootProgram, Usage) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"run", "boot", "--append", "x"},
          {"run", "boot", "--env", "A=1"},
          {"run", multiboot_guest("exit"), "--env", "A"},
          {"run", multiboot_guest("exit"), "--env", "=1"},
          {"run", multiboot_guest("exit"), "--env", "A=1\nB=2"},
          {"kut"},
          {"kut", "/no/such/folder"}}) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        expect_one_line_error(nestbed(arguments), bad_input);
    }
    EXPECT_THAT(nestbed({"run", "boot", "--append", "x"}).err,
                HasSubstr("--append and --env are for multiboot guests, and none is named"));
}

}  // namespace
}  // namespace nestbed::test
