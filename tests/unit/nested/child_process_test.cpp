#include "vmm/nested/child_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/nested/failure.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::vmm {
namespace {

using test::failure_of;

std::vector<std::string> shell(const std::string& script) { return {"sh", "-c", script}; }

/// What a child writes to its standard output.
std::string output_with(ProcessStart start) {
    std::string text;
    start.outputs = {append_to(text)};
    ChildProcess(start).read_until_end();
    return text;
}

std::string output_with_script(const std::string& script) {
    return output_with({.command = shell(script)});
}

/// A child that writes its number first, into `text`, and does not end.
ProcessStart long_lived(std::string& text) {
    return {.command = shell("echo $$; exec sleep infinity"), .outputs = {append_to(text)}};
}

/// Waits for that number.
pid_t number_of(ChildProcess& child, const std::string& text) {
    while (!text.ends_with('\n') && !child.poll()) {
        child.read();
    }
    pid_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

bool is_there(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

TEST(ProcessEnd, InWords) {
    EXPECT_EQ(text_of({.code = 1, .signal = 0}), "exit status 1");
    EXPECT_EQ(text_of({.code = 0, .signal = SIGKILL}), "signal 9 (Killed)");
}

TEST(ProcessEnd, IsSuccessfulWithZeroOnly) {
    EXPECT_TRUE((ProcessEnd{.code = 0, .signal = 0}.successful()));
    EXPECT_FALSE((ProcessEnd{.code = 1, .signal = 0}.successful()));
    EXPECT_FALSE((ProcessEnd{.code = 0, .signal = SIGTERM}.successful()));
}

TEST(ChildProcess, HasAnExitStatus) {
    for (const int code : {0, 1, 255}) {
        ChildProcess child({.command = shell("exit " + std::to_string(code))});
        const ProcessEnd end = child.wait();
        EXPECT_EQ(end.code, code);
        EXPECT_EQ(end.signal, 0);
    }
}

TEST(ChildProcess, MayBeEndedByASignal) {
    ChildProcess child({.command = shell("kill -TERM $$")});
    EXPECT_EQ(child.wait().signal, SIGTERM);
}

TEST(ChildProcess, EndsOnceHoweverOftenOneAsks) {
    ChildProcess child({.command = shell("exit 3")});
    EXPECT_EQ(child.wait().code, 3);
    EXPECT_EQ(child.wait().code, 3);
    ASSERT_TRUE(child.poll());
    EXPECT_EQ(child.poll()->code, 3);
}

TEST(ChildProcess, PollSeesWhetherItRuns) {
    ChildProcess child({.command = {"sleep", "infinity"}});
    EXPECT_FALSE(child.poll());
    child.kill();
    child.wait();
    EXPECT_TRUE(child.poll());
}

TEST(ChildProcess, AMissingProgramIsNamed) {
    EXPECT_EQ(failure_of([] {
                  ChildProcess({.command = {"no-such-program", "--version"}});
              }),
              "there is no program no-such-program");
    EXPECT_EQ(failure_of([] { ChildProcess({.command = {"/no/such/program"}}); }),
              "there is no program /no/such/program");
}

TEST(ChildProcess, IsLookedForInPath) {
    const test::TemporaryFolder folder;
    folder.write_script("our-program", "echo ours");
    EXPECT_FALSE(program_exists("our-program"));
    const test::EnvironmentVariable path("PATH", "/no/such/folder:" + folder.path().string());
    EXPECT_TRUE(program_exists("our-program"));
    EXPECT_EQ(output_with({.command = {"our-program"}}), "ours\n");
}

TEST(ChildProcess, AFileThatCannotBeRunIsNoProgram) {
    const test::TemporaryFolder folder;
    folder.write("our-program", "text");
    std::filesystem::create_directory(folder.path() / "our-folder");
    const test::EnvironmentVariable path("PATH", folder.path().string());
    EXPECT_FALSE(program_exists("our-program"));
    EXPECT_FALSE(program_exists("our-folder"));
}

TEST(ChildProcess, TheSystemsFoldersNeedNotBeInPath) {
    const test::EnvironmentVariable path("PATH", std::nullopt);
    EXPECT_TRUE(program_exists("sh"));
}

TEST(ChildProcess, HasItsArguments) {
    EXPECT_EQ(output_with({.command = {"printf", "%s|", "a b", "", "$c"}}), "a b||$c|");
}

TEST(ChildProcess, HasItsStreams) {
    std::string output;
    std::string error;
    ChildProcess child({.command = shell("echo out; echo err >&2"),
                        .outputs = {append_to(output), append_to(error)}});
    child.read_until_end();
    EXPECT_EQ(output, "out\n");
    EXPECT_EQ(error, "err\n");
}

TEST(ChildProcess, WithoutStreamsHasNone) {
    EXPECT_EQ(output_with_script("readlink /proc/self/fd/0 /proc/self/fd/2"),
              "/dev/null\n/dev/null\n");
}

TEST(ChildProcess, HasMoreDescriptorsFromThreeOn) {
    std::string three;
    std::string four;
    ChildProcess child({.command = shell("echo one; echo two >&2; echo three >&3; echo four >&4"),
                        .outputs = {{}, {}, append_to(three), append_to(four)}});
    child.read_until_end();
    EXPECT_EQ(three, "three\n");
    EXPECT_EQ(four, "four\n");
}

TEST(ChildProcess, DescriptorsMayHaveEachOthersNumbers) {
    // The pipes take the lowest numbers, which the child wants for others.
    std::array<std::string, 6> texts;
    ProcessStart start{.command = shell("for n in 1 2 3 4 5 6; do eval echo $n \\>\\&$n; done")};
    for (std::string& text : texts) {
        start.outputs.push_back(append_to(text));
    }
    ChildProcess(start).read_until_end();
    EXPECT_THAT(texts, testing::ElementsAre("1\n", "2\n", "3\n", "4\n", "5\n", "6\n"));
}

TEST(ChildProcess, HasItsStreamsEvenIfOursAreClosed) {
    std::string output;
    const int input = ::dup(STDIN_FILENO);
    ::close(STDIN_FILENO);
    ChildProcess child(
        {.command = shell("readlink /proc/self/fd/0"), .outputs = {append_to(output)}});
    ::dup2(input, STDIN_FILENO);
    ::close(input);
    child.read_until_end();
    EXPECT_EQ(output, "/dev/null\n");
}

TEST(ChildProcess, HandsOnWhatComesFromEach) {
    const test::TemporaryFolder folder;
    std::string taken;
    const auto takes = [&](const char* place) {
        return [&taken, place](const std::string& text) { taken += place + text + "."; };
    };
    const std::string waits =
        "until [ -e " + (folder.path() / "go").string() + " ]; do sleep 0.01; done";
    ChildProcess child({.command = shell("printf b >&2; " + waits + "; printf a; printf c >&2"),
                        .outputs = {takes("1"), takes("2")}});
    while (taken.empty()) {
        child.read();
    }
    folder.write("go", "");
    child.read_until_end();
    EXPECT_EQ(taken, "2b.1a.2c.");
}

TEST(ChildProcess, ErrorsMayStandWithTheOutputInTheOrderWritten) {
    std::string text;
    ChildProcess({.command = shell("for n in 1 2 3; do echo out $n; echo err $n >&2; done"),
                  .outputs = {append_to(text)},
                  .errors_with_output = true})
        .read_until_end();
    EXPECT_EQ(text, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
}

TEST(ChildProcess, IsNotStartedWithoutDescriptorsForIt) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{.rlim_cur = 20, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    const std::string failure =
        failure_of([] { output_of(shell("echo lost")); }, ErrorKind::kernel_refused);
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_THAT(failure, testing::HasSubstr("cannot make descriptors for a child"));
}

TEST(ChildProcess, HandsOnTheRestWithoutWaiting) {
    const test::TemporaryFolder folder;
    const std::string file = folder.path() / "written";
    std::string taken;
    ChildProcess child({.command = shell("printf rest; touch " + file + "; exec sleep infinity"),
                        .outputs = {append_to(taken)}});
    while (!std::filesystem::exists(file)) {
        child.read_rest();
    }
    child.read_rest();
    EXPECT_EQ(taken, "rest");
}

TEST(ChildProcess, HasNoOtherDescriptors) {
    const Descriptor ours(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_EQ(output_with_script("test -e /proc/$$/fd/" + std::to_string(ours.get()) +
                                 " && echo it has that"),
              "");
}

TEST(ChildProcess, HasOurEnvironment) {
    const test::EnvironmentVariable ours("NESTBED_TEST_OURS", "from us");
    EXPECT_EQ(output_with_script("echo $NESTBED_TEST_OURS"), "from us\n");
}

TEST(ChildProcess, RunsInItsDirectory) {
    const test::TemporaryFolder folder;
    EXPECT_EQ(output_with({.command = {"pwd", "-P"}, .directory = folder.path()}),
              std::filesystem::canonical(folder.path()).string() + "\n");
}

TEST(ChildProcess, RunsHereWithoutADirectory) {
    EXPECT_EQ(output_with({.command = {"pwd", "-P"}}),
              std::filesystem::current_path().string() + "\n");
}

TEST(ChildProcess, IsGoneWithItsObject) {
    std::string text;
    pid_t process = 0;
    {
        ChildProcess child(long_lived(text));
        process = number_of(child, text);
        ASSERT_GT(process, 0);
        EXPECT_TRUE(is_there(process));
    }
    EXPECT_FALSE(is_there(process));
}

TEST(ChildProcess, CanBeKilled) {
    ChildProcess child({.command = {"sleep", "infinity"}});
    child.kill();
    EXPECT_EQ(child.wait().signal, SIGKILL);
    child.kill();  // the number may be somebody else's by now
    EXPECT_EQ(child.wait().signal, SIGKILL);
}

TEST(ChildProcess, DoesNotOutliveThisProgram) {
    const test::TemporaryFolder folder;
    const std::string input = folder.path() / "input";
    const std::string output = folder.path() / "output";
    ASSERT_EQ(::mkfifo(input.c_str(), 0600), 0);
    ASSERT_EQ(::mkfifo(output.c_str(), 0600), 0);
    Descriptor writer(::open(input.c_str(), O_RDWR | O_CLOEXEC));
    const Descriptor reader(::open(output.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const pid_t program = ::fork();
    if (program == 0) {
        std::string text;
        ChildProcess child({.command = shell("exec 8>" + output + "; echo started; read line <" +
                                             input + "; echo survived >&8"),
                            .outputs = {append_to(text)}});
        child.read();
        ::_exit(text == "started\n" ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(program, &status, 0), program);
    EXPECT_EQ(status, 0);
    ::fcntl(reader.get(), F_SETFL, 0);
    writer = Descriptor(-1);  // the end of its input, if it is still there
    std::string text;
    while (read_some(reader.get(), text) > 0) {
    }
    EXPECT_EQ(text, "");
}

TEST(ChildProcess, IsInASessionOfItsOwn) {
    std::string text;
    ChildProcess child(long_lived(text));
    const pid_t process = number_of(child, text);
    EXPECT_EQ(::getsid(process), process);
}

TEST(ChildProcess, BlocksNoSignals) {
    sigset_t blocked;
    sigset_t old;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
    ChildProcess child({.command = shell("kill -TERM $$; exit 0")});
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    EXPECT_EQ(child.wait().signal, SIGTERM);
}

}  // namespace
}  // namespace nestbed::vmm
