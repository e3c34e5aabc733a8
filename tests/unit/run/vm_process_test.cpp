#include "vmm/run/vm_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/sanitizers.hpp"

namespace nestbed::vmm {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::chrono::minutes long_enough(2);
constexpr VmProcessLimits no_hurry{long_enough, long_enough};

struct AllHeard {
    VmProcessOutcome outcome;
    std::vector<std::string> messages;
};

AllHeard hear(const std::function<void(const VmProcessReport&)>& work,
              const VmProcessLimits& limits = no_hurry, const std::stop_token& stop = {}) {
    AllHeard heard{};
    heard.outcome = run_in_process(
        work,
        [&](const std::string& message) {
            heard.messages.push_back(message);
            return message.starts_with("word") ? Heard::word : Heard::step;
        },
        limits, stop);
    return heard;
}

[[noreturn]] void wait_for_ever() {
    while (true) {
        ::pause();
    }
}

/// No process of ours is left behind, not even a dead one.
void expect_no_children() {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(VmProcess, SaysWhatItHasFound) {
    const std::string large(3'000'000, 'x');
    const AllHeard heard = hear([&](const VmProcessReport& report) {
        report.send("one");
        report.send("");
        report.send(large);
    });
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::done);
    EXPECT_THAT(heard.messages, ElementsAre("one", "", large));
    expect_no_children();
}

TEST(VmProcess, WhatItSaidBeforeItDiedIsHeard) {
    const AllHeard heard = hear([](const VmProcessReport& report) {
        report.send("one");
        ::raise(SIGSEGV);
    });
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::died);
    // A sanitizer reports it, and exits.
    if constexpr (!has_sanitizer) {
        EXPECT_EQ(heard.outcome.signal, SIGSEGV);
        EXPECT_THAT(heard.outcome.how, HasSubstr("Segmentation fault"));
    }
    EXPECT_THAT(heard.messages, ElementsAre("one"));
    expect_no_children();
}

TEST(VmProcess, AnExceptionIsItsError) {
    const AllHeard heard = hear([](const VmProcessReport& report) {
        report.send("one");
        throw Error(ErrorKind::host_lacks, "x");
    });
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::failed);
    ASSERT_TRUE(heard.outcome.error);
    EXPECT_STREQ(heard.outcome.error->what(), "x");
    EXPECT_EQ(heard.outcome.error->kind(), ErrorKind::host_lacks);
    EXPECT_THAT(heard.messages, ElementsAre("one"));
}

TEST(VmProcess, OneThatCannotSendSaysSo) {
    const AllHeard heard = hear([](const VmProcessReport& report) {
        ::dup2(::open("/dev/full", O_WRONLY), report.descriptor());
        report.send("one");
    });
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::failed);
    ASSERT_TRUE(heard.outcome.error);
    EXPECT_THAT(heard.outcome.error->what(), HasSubstr("could not send its result"));
    EXPECT_THAT(heard.messages, IsEmpty());
}

TEST(VmProcess, IsEndedWhenItSaysNothing) {
    const AllHeard heard =
        hear([](const VmProcessReport&) { wait_for_ever(); }, {milliseconds(20), long_enough});
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::out_of_time);
    expect_no_children();
}

TEST(VmProcess, IsEndedWhenItSaysNothingMore) {
    const AllHeard heard = hear(
        [](const VmProcessReport& report) {
            report.send("one");
            wait_for_ever();
        },
        {long_enough, milliseconds(20)});
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::out_of_time);
    EXPECT_THAT(heard.messages, ElementsAre("one"));
}

TEST(VmProcess, WordsDoNotEndTheFirstLimit) {
    // The second would be over at once.
    const AllHeard heard = hear(
        [](const VmProcessReport& report) {
            report.send("word 1");
            std::this_thread::sleep_for(milliseconds(300));
            report.send("word 2");
        },
        {long_enough, milliseconds(1)});
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::done);
    EXPECT_THAT(heard.messages, ElementsAre("word 1", "word 2"));
}

TEST(VmProcess, WordsDoNotLengthenALimit) {
    const auto talk_for_ever = [](const VmProcessReport& report) {
        while (true) {
            report.send("word");
            std::this_thread::sleep_for(milliseconds(1));
        }
    };
    EXPECT_EQ(hear(talk_for_ever, {milliseconds(50), long_enough}).outcome.end,
              VmProcessEnd::out_of_time);
    const auto talk_after_a_step = [&](const VmProcessReport& report) {
        report.send("step");
        talk_for_ever(report);
    };
    EXPECT_EQ(hear(talk_after_a_step, {long_enough, milliseconds(50)}).outcome.end,
              VmProcessEnd::out_of_time);
}

TEST(VmProcess, AStepAmongWordsIsOne) {
    // All of it is there at once.
    const AllHeard heard = hear(
        [](const VmProcessReport& report) {
            const auto message = [](std::string_view text) {
                const std::uint64_t size = text.size();
                return std::string(reinterpret_cast<const char*>(&size), sizeof size) +
                       std::string(text);
            };
            static_cast<void>(write_all(report.descriptor(),
                                        message("word") + message("step") + message("word")));
            wait_for_ever();
        },
        {long_enough, milliseconds(20)});
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::out_of_time);
    EXPECT_THAT(heard.messages, ElementsAre("word", "step", "word"));
}

TEST(VmProcess, IsEndedWhenItClosesItsPipeAndStays) {
    const AllHeard heard = hear([](const VmProcessReport& report) {
        ::close(report.descriptor());
        wait_for_ever();
    });
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::out_of_time);
    expect_no_children();
}

TEST(VmProcess, IsEndedByAStopRequest) {
    std::stop_source stop;
    const AllHeard heard =
        hear([](const VmProcessReport&) { wait_for_ever(); }, {std::nullopt, std::nullopt},
             [&] {
                 std::thread([&] { stop.request_stop(); }).detach();
                 return stop.get_token();
             }());
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::interrupted);
    expect_no_children();
}

TEST(VmProcess, AnImpossibleMessageIsRefused) {
    const auto lie = [](const VmProcessReport& report) {
        const std::uint64_t size = ~std::uint64_t{0} - 3;
        static_cast<void>(
            write_all(report.descriptor(),
                      std::string_view(reinterpret_cast<const char*>(&size), sizeof size)));
        wait_for_ever();
    };
    EXPECT_THROW(hear(lie), Error);
    expect_no_children();
}

TEST(VmProcess, HalfAMessageIsNone) {
    const AllHeard heard = hear([](const VmProcessReport& report) {
        report.send("one");
        static_cast<void>(write_all(report.descriptor(), "\x20"));
    });
    EXPECT_EQ(heard.outcome.end, VmProcessEnd::done);
    EXPECT_THAT(heard.messages, ElementsAre("one"));
}

TEST(VmProcess, DiesWithWhoeverWaitsForIt) {
    // In a process that is killed while it waits: what it has started holds the pipe's end no more.
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t waiter = ::fork();
    ASSERT_GE(waiter, 0);
    if (waiter == 0) {
        ::close(ends[0]);
        static_cast<void>(hear([&](const VmProcessReport&) {
            static_cast<void>(write_all(ends[1], "x"));
            wait_for_ever();
        }));
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string begun;
    EXPECT_EQ(read_some(ends[0], begun), 1);
    ::kill(waiter, SIGKILL);
    ::waitpid(waiter, nullptr, 0);
    EXPECT_EQ(read_some(ends[0], begun), 0) << "nobody is left";
    ::close(ends[0]);
}

}  // namespace
}  // namespace nestbed::vmm
