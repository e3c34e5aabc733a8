// How the program looks to a person, to a file and to a CI system.

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli_test.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class Output : public WithKvm {};

constexpr char script_program[] = "/usr/bin/script";

/// Where there is no script(1), there is no terminal: a nested machine has no programs but those
/// that it is given.
class OutputOnTerminal : public WithKvm {
  public:
    void SetUp() override {
        WithKvm::SetUp();
        if (!IsSkipped() && !std::filesystem::exists(script_program)) {
            GTEST_SKIP() << "there is no " << script_program << " here";
        }
    }
};

/// A guest that dies, beside a test that passes.
const std::vector<std::string> one_dies{
    "run", "boot", "crash", "--filter", "boot.empty:crash.page_fault", "--jobs", "1"};

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

/// With standard output and error on a terminal of so many columns, by script(1).
std::string on_terminal(const std::vector<std::string>& arguments, int columns,
                        const std::string& environment = "") {
    std::string command = "stty cols " + std::to_string(columns) + "; exec env -u NO_COLOR " +
                          "TERM=xterm " + environment + " " + NESTBED_PROGRAM;
    for (const std::string& argument : arguments) {
        command += " '" + argument + "'";
    }
    Process process({script_program, "-qec", command, "/dev/null"});
    std::string text = process.wait().out;
    std::erase(text, '\r');
    return text;
}

/// Without the progress line, which is cleared before anything else is written.
std::string without_progress(std::string text) {
    constexpr std::string_view clear = "\x1b[K";
    for (std::size_t at = 0; (at = text.rfind(clear)) != std::string::npos;) {
        const std::size_t line = text.rfind('\n', at);
        const std::size_t begin = line == std::string::npos ? 0 : line + 1;
        text.erase(begin, at + clear.size() - begin);
    }
    return text;
}

// What needs no KVM.

TEST(CommandLine, AMisspeltWordHasTheRightOneBesideIt) {
    for (const auto& [arguments, said] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"rnu"}, "there is no command rnu; did you mean run? (see nestbed --help)"},
             {{"Run"}, "there is no command Run; did you mean run?"},
             {{"xyzzy"}, "there is no command xyzzy (see nestbed --help)"},
             {{"nested-int"}, "there is no command nested-int (see"},
             {{"rnu", "--filter", "x"}, "there is no command rnu; did you mean run?"},
             {{"measure", "shotdown"}, "there is no command shotdown; did you mean shootdown?"},
             {{"run", "--filtre", "x"},
              "there is no option --filtre; did you mean --filter? (see nestbed run --help)"},
             {{"run", "--filtre=x"}, "no option --filtre; did you mean --filter?"},
             {{"--versoin"}, "no option --versoin; did you mean --version?"},
             {{"measure", "walk", "--outptu", "x.json"}, "did you mean --output?"},
             {{"nested", "--paging", "ntp", "--", "list"}, "did you mean npt?"},
             {{"nested", "--paging", "npt", "--", "lsit"}, "did you mean list?"},
             {{"run", "pagging"}, "did you mean paging?"},
             {{"list", "pagging"}, "did you mean paging?"},
             {{"run", "--format", "jsno"}, "did you mean json?"},
             {{"run", "--backing", "thb"}, "did you mean thp?"},
             {{"run", "--color", "alway"}, "did you mean always?"},
             {{"run", "--diagnosis", "breif"}, "did you mean brief?"},
             {{"measure", "shootdown", "--protocol", "mailbx"}, "did you mean mailbox?"},
             {{"measure", "shootdown", "--order", "blokced"}, "did you mean blocked?"},
             {{"run", "--output", "x.jsn"}, "did you mean .json?"},
             {{"compare", "--format", "jsno", "a", "b"}, "did you mean json?"},
             {{"completion", "bsh"}, "SHELL bsh: there are bash, zsh, fish; did you mean bash?"},
             {{"list", "--filter", "pagin.*"}, "did you mean paging.*?"},
             {{"list", "--tag", "slwo"}, "did you mean slow?"},
             {{"manaul"}, "there is no command manaul (see"},
             {{"doctor", "extra"}, "doctor takes no argument extra"}}) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        const ProcessResult result = nestbed(arguments);
        expect_one_line_error(result, bad_input);
        EXPECT_THAT(result.err, HasSubstr(said));
    }
}

TEST(CommandLine, AnUnknownEndingIsAnError) {
    for (const char* name : {"/tmp/nestbed.pdf", "/tmp/nestbed-report", "/tmp/nestbed.JSON"}) {
        const ProcessResult result = nestbed({"run", "boot", "--output", name});
        expect_one_line_error(result, bad_input);
        EXPECT_THAT(result.err, HasSubstr(".txt (human), .json (json), .csv (csv), .xml (junit), "
                                          ".tap (tap)"));
        EXPECT_NE(::access(name, F_OK), 0);
    }
    expect_one_line_error(nestbed({"run", "--output", "-", "--output", "-"}), bad_input);
    expect_one_line_error(nestbed({"run", "--quiet", "--verbose"}), bad_input);
    expect_one_line_error(nestbed({"run", "--diagnosis", "brief", "--format", "json"}), bad_input);
}

TEST(CommandLine, ListFitsATerminal) {
    if (!std::filesystem::exists(script_program)) {
        GTEST_SKIP() << "there is no " << script_program << " here";
    }
    const std::string text = on_terminal({"list", "--filter", "boot.*:paging.*"}, 80);
    EXPECT_THAT(text, HasSubstr("boot.empty"));
    for (const std::string_view line : vmm::lines_of(text)) {
        EXPECT_LE(vmm::width_of(line), 80U) << line;
    }
}

// What needs KVM.

TEST_F(Output, AFileHasNoColourAndTheWholeDiagnosis) {
    const std::string summary = "failed:\n  crash.page_fault  [^ ]*guest/suites/crash.cpp:[0-9]+: ";
    const ProcessResult result = nestbed(with(one_dies, {"--output", path("out.txt")}),
                                         [] { ::setenv("CLICOLOR_FORCE", "0", 1); });
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, AllOf(Not(HasSubstr("\x1b")), HasSubstr("page walk of CR2")));
    EXPECT_THAT(result.out, ContainsRegex(summary));
    EXPECT_THAT(contents(path("out.txt")),
                AllOf(StartsWith("PASS  boot.empty"), HasSubstr("page walk of CR2"),
                      ContainsRegex(summary)));
    const ProcessResult colourful = nestbed(
        with(one_dies, {"--output", path("out.txt"), "--color", "always", "--diagnosis", "brief"}));
    EXPECT_THAT(colourful.out, AllOf(HasSubstr("\x1b[31mFAIL"), Not(HasSubstr("page walk of"))));
    EXPECT_THAT(contents(path("out.txt")),
                AllOf(Not(HasSubstr("\x1b")), HasSubstr("page walk of CR2")));
}

TEST_F(OutputOnTerminal, ATerminalHasColoursAndBriefDiagnoses) {
    const std::string text = without_progress(on_terminal(one_dies, 80));
    EXPECT_THAT(text, HasSubstr("\x1b[32mPASS\x1b[0m  boot.empty"));
    EXPECT_THAT(text, HasSubstr("\x1b[31mFAIL\x1b[0m  crash.page_fault"));
    EXPECT_THAT(text, HasSubstr("backtrace\n"));
    EXPECT_THAT(text, Not(HasSubstr("page walk of")));
    EXPECT_THAT(text, HasSubstr("--diagnosis full has"));
    EXPECT_THAT(on_terminal(with(one_dies, {"--diagnosis", "full"}), 80),
                HasSubstr("page walk of CR2"));
}

TEST_F(OutputOnTerminal, NoColorIsObeyedUnlessColoursAreAskedFor) {
    const std::vector<std::string> one{"run", "boot", "--filter", "boot.empty"};
    EXPECT_THAT(on_terminal(one, 80, "NO_COLOR=1"), Not(HasSubstr("\x1b[32m")));
    EXPECT_THAT(on_terminal(one, 80, "TERM=dumb"), Not(HasSubstr("\x1b[32m")));
    EXPECT_THAT(on_terminal(one, 80, "NO_COLOR="), HasSubstr("\x1b[32m")) << "it is empty";
    EXPECT_THAT(on_terminal(with(one, {"--color", "always"}), 80, "NO_COLOR=1"),
                HasSubstr("\x1b[32m"));
    EXPECT_THAT(on_terminal(with(one, {"--color", "never"}), 80), Not(HasSubstr("\x1b[32m")));
    EXPECT_THAT(nestbed(one, [] { ::setenv("CLICOLOR_FORCE", "1", 1); }).out,
                HasSubstr("\x1b[32m"));
}

TEST_F(OutputOnTerminal, TestLinesFitATerminal) {
    const std::string text =
        without_progress(on_terminal(with(one_dies, {"--color", "never"}), 50));
    EXPECT_THAT(text, HasSubstr("PASS  boot.empty"));
    // Code and backtraces are as wide as they are.
    for (const std::string_view line : vmm::lines_of(text)) {
        if (line.starts_with("PASS") || line.starts_with("FAIL") || line.starts_with("  crash")) {
            EXPECT_LE(vmm::width_of(line), 50U) << line;
        }
    }
}

TEST_F(OutputOnTerminal, QuietIsFailuresAndTheSummary) {
    const ProcessResult result = nestbed(with(one_dies, {"--quiet"}));
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, StartsWith("FAIL  crash.page_fault"));
    EXPECT_THAT(result.err, IsEmpty());
    EXPECT_THAT(nestbed({"run", "boot", "--filter", "boot.empty", "--quiet"}).out,
                MatchesRegex("1 test in [^\n]*: 1 passed, 0 failed, 0 skipped\n"));
    EXPECT_THAT(on_terminal({"run", "boot", "--filter", "boot.empty", "--quiet"}, 80),
                Not(HasSubstr("[0/1]")));
    EXPECT_THAT(on_terminal({"run", "boot", "--filter", "boot.empty"}, 80),
                HasSubstr("[0/1] boot.empty"));
}

TEST_F(Output, RepetitionsAreCounted) {
    const ProcessResult result =
        nestbed({"run", "crash", "--filter", "crash.failed_expectation", "--repeat", "3"});
    EXPECT_THAT(
        result.out,
        ContainsRegex("failed:\n  crash.failed_expectation  failed 3 of 3: [^ ]*guest/suites/"));
}

TEST_F(Output, ADashIsStandardOutput) {
    const std::vector<std::string> one{"run", "boot", "--filter", "boot.empty"};
    EXPECT_THAT(nestbed(with(one, {"--output", "-"})).out, StartsWith("PASS  boot.empty"));
    EXPECT_THAT(nestbed(with(one, {"--output", "-", "--format", "tap"})).out,
                StartsWith("TAP version"));
    const ProcessResult both =
        nestbed(with(one, {"--output", path("out.xml"), "--output", "-", "--format", "json"}));
    EXPECT_EQ(both.exit_code, success) << both.err;
    EXPECT_EQ(json::parse(both.out)["summary"]["passed"], 1);
    EXPECT_THAT(contents(path("out.xml")), StartsWith("<?xml"));
}

// GitHub.

void on_github() { ::setenv("GITHUB_ACTIONS", "true", 1); }

TEST_F(Output, GithubGetsAnnotationsAndGuestsNoCommands) {
    const ProcessResult result = nestbed(one_dies, on_github);
    const std::string begin = "::stop-commands::";
    ASSERT_THAT(result.out, StartsWith(begin));
    const std::string token = result.out.substr(begin.size(), result.out.find('\n') - begin.size());
    EXPECT_GE(token.size(), 32U);
    const std::size_t end = result.out.find("\n::" + token + "::\n");
    ASSERT_NE(end, std::string::npos);
    EXPECT_THAT(result.out.substr(0, end), HasSubstr("1 failed"));
    EXPECT_THAT(result.out.substr(end),
                ContainsRegex("\n::error file=[^ ,]*guest/suites/crash.cpp,line=[0-9]+,title="));
    EXPECT_THAT(result.out.substr(end), HasSubstr(",title=crash.page_fault::"));
    EXPECT_NE(nestbed(one_dies, on_github).out.substr(0, begin.size() + token.size()),
              begin + token)
        << "a guest could know it";
}

TEST_F(Output, GithubsRunnerFindsNoCommandsWhereNothingIsForIt) {
    EXPECT_THAT(nestbed(one_dies).out, Not(HasSubstr("::error")));
    const ProcessResult result = nestbed(with(one_dies, {"--format", "json"}), on_github);
    EXPECT_EQ(json::parse(result.out)["summary"]["failed"], 1);
}

}  // namespace
}  // namespace nestbed::test
