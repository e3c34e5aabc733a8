#include "vmm/nested/child_process.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/nested/temporary_folder.hpp"
#include "vmm/base/file.hpp"
#include "vmm/nested/pipe.hpp"

namespace nestbed::vmm {
namespace {

using test::failure_of;

std::vector<std::string> shell(const std::string& script) { return {"sh", "-c", script}; }

std::string all_of(int fd) {
    std::string text;
    while (read_some(fd, text) > 0) {
    }
    return text;
}

/// What a child writes to its standard output.
std::string output_with(ProcessStart start) {
    Pipe pipe;
    start.output = pipe.writer();
    ChildProcess child(start);
    pipe.close_writer();
    return all_of(pipe.reader());
}

std::string output_of_script(const std::string& script) {
    return output_with({.command = shell(script)});
}

/// Waits for the number that a child writes first.
pid_t number_from(int fd) {
    std::string text;
    while (!text.ends_with('\n') && read_some(fd, text) > 0) {
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
    Pipe input;
    Pipe output;
    Pipe error;
    ASSERT_EQ(::write(input.writer(), "in\n", 3), 3);
    ChildProcess child({.command = shell("read line; echo $line out; echo err >&2"),
                        .input = input.reader(),
                        .output = output.writer(),
                        .error = error.writer()});
    output.close_writer();
    error.close_writer();
    EXPECT_EQ(all_of(output.reader()), "in out\n");
    EXPECT_EQ(all_of(error.reader()), "err\n");
}

TEST(ChildProcess, WithoutStreamsHasNone) {
    EXPECT_EQ(output_of_script("readlink /proc/self/fd/0 /proc/self/fd/2"),
              "/dev/null\n/dev/null\n");
}

TEST(ChildProcess, HasMoreDescriptorsFromThreeOn) {
    Pipe third;
    Pipe fourth;
    ChildProcess child({.command = shell("echo three >&3; echo four >&4"),
                        .more = {third.writer(), fourth.writer()}});
    third.close_writer();
    fourth.close_writer();
    EXPECT_EQ(all_of(third.reader()), "three\n");
    EXPECT_EQ(all_of(fourth.reader()), "four\n");
}

TEST(ChildProcess, DescriptorsMayHaveEachOthersNumbers) {
    // Takes the lowest numbers, which the child wants for others.
    std::array<Pipe, 3> pipes;
    const ChildProcess child({.command = shell("echo three >&3; echo four >&4; echo five >&5"),
                              .more = {pipes[2].writer(), pipes[1].writer(), pipes[0].writer()}});
    std::vector<std::string> texts;
    for (Pipe& pipe : pipes) {
        pipe.close_writer();
        texts.push_back(all_of(pipe.reader()));
    }
    EXPECT_THAT(texts, testing::ElementsAre("five\n", "four\n", "three\n"));
}

TEST(ChildProcess, HasItsStreamsEvenIfOursAreClosed) {
    Pipe output;
    const int input = ::dup(STDIN_FILENO);
    ::close(STDIN_FILENO);
    const ChildProcess child(
        {.command = shell("readlink /proc/self/fd/0"), .output = output.writer()});
    ::dup2(input, STDIN_FILENO);
    ::close(input);
    output.close_writer();
    EXPECT_EQ(all_of(output.reader()), "/dev/null\n");
}

TEST(ChildProcess, HasNoOtherDescriptors) {
    const Pipe ours;
    EXPECT_EQ(output_of_script("test -e /proc/$$/fd/" + std::to_string(ours.writer()) +
                               " && echo it has that"),
              "");
}

TEST(ChildProcess, HasOurEnvironmentAndItsOwn) {
    const test::EnvironmentVariable ours("NESTBED_TEST_OURS", "from us");
    EXPECT_EQ(output_with({.command = shell("echo $NESTBED_TEST_OURS, $NESTBED_TEST_ITS"),
                           .environment = {"NESTBED_TEST_ITS=its own"}}),
              "from us, its own\n");
    EXPECT_EQ(::getenv("NESTBED_TEST_ITS"), nullptr);
}

TEST(ChildProcess, ItsOwnEnvironmentGoesBeforeOurs) {
    const test::EnvironmentVariable ours("NESTBED_TEST", "from us");
    EXPECT_EQ(output_with({.command = {"printenv", "NESTBED_TEST"},
                           .environment = {"NESTBED_TEST=its own"}}),
              "its own\n");
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
    Pipe pipe;
    pid_t process = 0;
    {
        const ChildProcess child(
            {.command = shell("echo $$; exec sleep infinity"), .output = pipe.writer()});
        pipe.close_writer();
        process = number_from(pipe.reader());
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
    Pipe input;
    Pipe output;
    const pid_t program = ::fork();
    if (program == 0) {
        const ChildProcess child({.command = shell("echo started; read line; echo survived"),
                                  .input = input.reader(),
                                  .output = output.writer()});
        std::string text;
        read_some(output.reader(), text);
        ::_exit(text == "started\n" ? 0 : 1);
    }
    output.close_writer();
    int status = 0;
    ASSERT_EQ(::waitpid(program, &status, 0), program);
    EXPECT_EQ(status, 0);
    input.close_writer();
    EXPECT_EQ(all_of(output.reader()), "");
}

TEST(ChildProcess, IsInASessionOfItsOwn) {
    Pipe pipe;
    const ChildProcess child(
        {.command = shell("echo $$; exec sleep infinity"), .output = pipe.writer()});
    pipe.close_writer();
    const pid_t process = number_from(pipe.reader());
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
