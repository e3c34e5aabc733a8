// The program where it has little: no room for signals, no time while it is stopped; and what its
// reports say of the sandbox.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class ConfinedProgram : public WithKvm {};

TEST_F(ConfinedProgram, AHangEndsWithoutRoomForSignals) {
    // ulimit -i 0: a real-time signal would be refused, and nothing would bring the vCPU out.
    Process program({NESTBED_PROGRAM, "run", "crash", "--filter", "crash.hang", "--timeout", "1"},
                    [] {
                        const rlimit none{0, 0};
                        ::setrlimit(RLIMIT_SIGPENDING, &none);
                    });
    const ProcessResult result = program.wait();
    EXPECT_EQ(result.exit_code, test_failed) << result.err;
    EXPECT_THAT(result.out, HasSubstr("no end after 1.0 s (--timeout)"));
}

TEST_F(ConfinedProgram, TheTimeInWhichItIsStoppedIsNotTheTests) {
    // Ctrl-Z, or a host that sleeps, for longer than the timeout; a busy host has more than enough
    // of the rest.
    constexpr int timeout = 8;
    Process program({NESTBED_PROGRAM, "run", "boot", "--jobs", "1", "--timeout",
                     std::to_string(timeout), "--repeat", "2"},
                    [] { ::setpgid(0, 0); });
    wait_for_output(program, "PASS");
    ::kill(-program.id(), SIGSTOP);
    ::sleep(timeout + 2);
    ::kill(-program.id(), SIGCONT);
    const ProcessResult result = program.wait();
    EXPECT_EQ(result.exit_code, success) << result.out << result.err;
}

TEST_F(ConfinedProgram, EveryReportSaysThatThereIsNoSandbox) {
    const ProcessResult result = nestbed({"run", "boot", "--filter", "boot.empty", "--no-sandbox",
                                          "--output", path("x.json"), "--output", path("x.xml"),
                                          "--output", path("x.tap"), "--output", path("x.txt")});
    EXPECT_EQ(result.exit_code, success) << result.err;
    for (const char* report : {"x.json", "x.xml", "x.tap", "x.txt"}) {
        EXPECT_THAT(contents(path(report)), HasSubstr("off (--no-sandbox)")) << report;
    }
    EXPECT_THAT(result.out, HasSubstr("sandbox: off (--no-sandbox)"));
    const ProcessResult measured = nestbed({"measure", "hypercall", "--kind", "port", "--samples",
                                            "10", "--no-sandbox", "--output", path("m.csv")});
    EXPECT_EQ(measured.exit_code, success) << measured.err;
    EXPECT_THAT(measured.out, HasSubstr("sandbox: off (--no-sandbox)"));
    EXPECT_THAT(contents(path("m.csv")), HasSubstr("off (--no-sandbox)"));
}

TEST_F(ConfinedProgram, TheSandboxIsOnByDefault) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--output", path("x.json")});
    const json report = json::parse(contents(path("x.json")));
    EXPECT_THAT(report["sandbox"].get<std::string>(), HasSubstr("Landlock"));
    EXPECT_THAT(result.out, Not(HasSubstr("off")));
}

TEST_F(ConfinedProgram, AKilledProgramLeavesNoVmBehind) {
    Process program({NESTBED_PROGRAM, "run", "crash", "--filter", "crash.hang", "--timeout", "60"},
                    [] { ::setpgid(0, 0); });
    // Its VM's process is in the same group, of which `program` knows nothing any more when it is
    // gone itself. One that has ended is gone, whether or not whoever inherits it looks: a nested
    // machine's first process does not.
    const auto has_ended = [](const std::filesystem::path& process) {
        std::ifstream file(process / "stat");
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        return text.find(") Z ") != std::string::npos;
    };
    const auto processes = [group = program.id(), has_ended] {
        int count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const int id = std::atoi(entry.path().filename().c_str());
            count += id != 0 && ::getpgid(id) == group && !has_ended(entry.path()) ? 1 : 0;
        }
        return count;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (processes() < 2 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(processes(), 2);
    ::kill(program.id(), SIGKILL);
    EXPECT_EQ(program.wait().signal, SIGKILL);
    while (processes() != 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(processes(), 0);
}

}  // namespace
}  // namespace nestbed::test
