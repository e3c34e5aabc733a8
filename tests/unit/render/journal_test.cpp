#include "vmm/render/journal.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/failure.hpp"
#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/base/error.hpp"
#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_test_result.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using JournalJson = nlohmann::ordered_json;

/// With something in every field that a report has.
TestResult full_result() {
    TestResult test = test::failed("measure_shootdown", "latency");
    test.host_cpus = 1;
    test.repetition = 3;
    test.study = "shootdown";
    test.point_id = "protocol=global";
    test.inputs = {{"protocol", std::string("global")}, {"cpus", std::uint64_t{2}}};
    test.parameters = {{"protocol", 0}, {"cpus", 2}};
    test.diagnosis = "one line\nand another\n";
    MemoryReport& memory = test.memory.emplace();
    memory.guest_memory.asked = {Backing::hugetlb_2m, true};
    memory.guest_memory.bytes = 1 << 20;
    memory.guest_memory.host = {.mapped = 1, .rss = 2, .anon_huge_pages = 3, .swap = 4};
    memory.guest_memory.pool = HugePages{2048, 64, std::nullopt, 29};
    memory.test_memory.emplace().problem = "smaps says nothing";
    memory.kvm_pages = KvmPages{7, 2, 1};
    test.kvm_counts = {20, 10, {{"exits", 4.25}, {"tlb_flush", -0.5}}, "a problem"};
    MeasurementEvent& event = test.measurements.emplace_back();
    event.name = "shootdown";
    event.unit = "cycles";
    event.parameters = {{"maps", std::uint64_t{9}, true},
                        {"mode", std::string("fast"), true},
                        {"pages", std::uint64_t{1} << 63}};
    event.histogram = test::histogram_of({0, 5, 1'000'003, ~std::uint64_t{0} >> 1});
    event.counted = true;
    event.proof = channel::Proof{7, 2};
    test.measurements.push_back({"floor", "cycles", {}, {}});
    return test;
}

JournalJson all_of(const TestResult& test) {
    JournalJson all{{"test", json_of(test)}};
    for (const MeasurementEvent& event : test.measurements) {
        all["measurements"].push_back(json_of(test, event));
    }
    return all;
}

RunReport head_of_host(const std::string& cpu) {
    RunReport report = test::report_of({});
    report.provenance.time = "then";
    report.host.emplace().cpu = cpu;
    return report;
}

std::string journal_refusal(const std::function<void()>& function) {
    try {
        function();
    } catch (const Error& error) {
        return error.kind() == ErrorKind::input ? error.what() : "another kind of error";
    }
    return "";
}

class JournalTest : public testing::Test {
  public:
    std::filesystem::path report() const { return folder_.path() / "a.json"; }
    std::string text() const { return folder_.read("a.json.journal"); }
    void write(const std::string& text) const { folder_.write("a.json.journal", text); }

    /// A program that measured these and was killed.
    void leave(const std::vector<TestResult>& results) const {
        Journal journal = Journal::resume(report());
        journal.begin_session(head_of_host("A CPU"));
        for (const TestResult& one : results) {
            journal.add(one);
        }
    }

    test::TemporaryFolder folder_;
};

TEST_F(JournalTest, WhatIsReadBackIsWhatWasWritten) {
    TestResult slow = test::flaky("c", "d");
    slow.timeout = 1;
    slow.slow_after = 0.01;
    ASSERT_TRUE(slow.is_slow());
    leave({full_result(), test::passed("a", "b"), slow});
    const Journal journal = Journal::resume(report());
    ASSERT_EQ(journal.found().size(), 3U);
    EXPECT_EQ(all_of(journal.found()[0]), all_of(full_result()));
    EXPECT_EQ(all_of(journal.found()[1]), all_of(test::passed("a", "b")));
    EXPECT_EQ(all_of(journal.found()[2]), all_of(slow));
    EXPECT_EQ(journal.earlier_sessions().size(), 1U);
    EXPECT_EQ(journal.earlier_sessions()[0]["time"], "then");
}

TEST(TestResultJson, OfAnOlderProgramIsUnderstood) {
    JournalJson json = json_of(test::flaky("demo", "wavers"));
    for (const char* key :
         {"failed_attempts", "timeout", "slow_after", "failures_left_out", "log_left_out"}) {
        json.erase(key);
    }
    EXPECT_EQ(test_result_in(json, JournalJson::array()).full_name(), "demo.wavers");
}

TEST(TestResultJson, NumbersThatNoTestHasAreRefused) {
    TestResult test = test::flaky("demo", "wavers");
    test.failures = test.failed_attempts[0].failures;
    test.parameters = {{"rounds", 2}};
    const JournalJson good = json_of(test);
    EXPECT_EQ(json_of(test_result_in(good, JournalJson::array())), good);
    for (const std::string attempt : {"", "/failed_attempts/0", "/failed_attempts/1"}) {
        for (const char* key : {"/seconds", "/failures_left_out", "/log_left_out"}) {
            for (const JournalJson& bad : {JournalJson(-1), JournalJson("1"), JournalJson()}) {
                JournalJson json = good;
                json[JournalJson::json_pointer(attempt + key)] = bad;
                EXPECT_THAT(journal_refusal([&] { test_result_in(json, JournalJson::array()); }),
                            HasSubstr(std::string(key + 1) + " must be "))
                    << attempt;
            }
        }
    }
    for (const char* key : {"/line", "/failures/0/line", "/failed_attempts/0/failures/0/line",
                            "/cpus", "/host_cpus", "/repetition", "/kvm_counts/operations",
                            "/kvm_counts/empty", "/parameters/rounds", "/timeout", "/slow_after"}) {
        JournalJson json = good;
        json[JournalJson::json_pointer(key)] = -3;
        EXPECT_THAT(journal_refusal([&] { test_result_in(json, JournalJson::array()); }),
                    HasSubstr("must be "))
            << key;
    }
    JournalJson json = good;
    json["cpus"] = std::uint64_t{1} << 32;
    EXPECT_THAT(journal_refusal([&] { test_result_in(json, JournalJson::array()); }),
                HasSubstr("cpus must be "));
}

TEST_F(JournalTest, SessionsFollowEachOther) {
    for (const char* name : {"a", "b", "c"}) {
        leave({test::passed("suite", name)});
    }
    EXPECT_EQ(Journal::resume(report()).found().size(), 3U);
    EXPECT_EQ(Journal::resume(report()).earlier_sessions().size(), 3U);
}

TEST_F(JournalTest, ALineThatWasBeingWrittenIsCutOff) {
    leave({test::passed("a", "b")});
    const std::string whole = text();
    leave({test::passed("c", "d")});
    const std::string more = text();
    for (std::size_t size = whole.size(); size < more.size(); size += 29) {
        write(more.substr(0, size));
        ASSERT_EQ(Journal::resume(report()).found().size(), 1U) << size;
    }
    leave({test::passed("e", "f")});
    EXPECT_EQ(Journal::resume(report()).found().back().suite, "e");
}

/// While it lives, files are no larger; whoever writes more is told, as in the program.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(std::size_t most) : handler_before_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit less{most, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &less);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_before_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    void (*handler_before_)(int);
    rlimit before_{};
};

TEST_F(JournalTest, AtTheLimitOfAFilesSizeNoHalfOfALineIsLeft) {
    for (const bool is_new : {true, false}) {
        leave(is_new ? std::vector<TestResult>() : std::vector{test::passed("a", "b")});
        const std::string before = text();
        const FileSizeLimit limit(before.size() + 20);
        EXPECT_THAT(test::failure_of([&] { leave({test::passed("c", "d")}); }, ErrorKind::io),
                    HasSubstr("File too large"));
        EXPECT_EQ(text(), before);
        EXPECT_EQ(std::filesystem::exists(report().string() + ".journal"), !is_new);
    }
}

TEST_F(JournalTest, OfNothingIsEmptyAndLeavesNoFile) {
    EXPECT_TRUE(Journal::resume(report()).found().empty());
    Journal::begin(report()).begin_session(head_of_host("A CPU"));
    EXPECT_FALSE(std::filesystem::exists(report().string() + ".journal"));
}

TEST_F(JournalTest, AnotherSweepDoesNotOverwriteIt) {
    leave({test::passed("a", "b")});
    EXPECT_THAT(journal_refusal([&] { Journal::begin(report()); }), HasSubstr("--resume "));
    EXPECT_EQ(Journal::resume(report()).found().size(), 1U);
}

TEST_F(JournalTest, WithoutARunItStandsInNobodysWay) {
    leave({});
    write(R"({"schema":2,"nestb)");
    EXPECT_EQ(journal_refusal([&] { Journal::begin(report()); }), "");
}

TEST_F(JournalTest, AReportIsTakenOverBeforeItMayGo) {
    TestResult second = full_result();
    second.repetition = 4;
    RunReport written = head_of_host("A CPU");
    written.tests = {full_result(), test::skipped("x", "y", "no"), second};
    folder_.write("a.json", json_report(written));
    Journal journal = Journal::resume(report());
    EXPECT_EQ(text(), "") << "nothing is written before it is known to fit";
    journal.take_over();
    std::filesystem::remove(report());
    journal.begin_session(head_of_host("A CPU"));
    journal.add(test::passed("e", "f"));
    journal = Journal::resume(folder_.path() / "another.json");  // and lets go of this one
    const Journal later = Journal::resume(report());
    std::vector<JournalJson> found;
    std::ranges::transform(later.found(), std::back_inserter(found), all_of);
    EXPECT_EQ(found, (std::vector{all_of(full_result()), all_of(written.tests[1]), all_of(second),
                                  all_of(test::passed("e", "f"))}));
}

TEST_F(JournalTest, WhatCouldNotBeRunIsTriedAgain) {
    leave({test::not_run("a", "b"), test::passed("c", "d")});
    const Journal journal = Journal::resume(report());
    ASSERT_EQ(journal.found().size(), 1U);
    EXPECT_EQ(journal.found()[0].suite, "c");
}

TEST_F(JournalTest, AnotherHostDoesNotGoOn) {
    leave({test::passed("a", "b")});
    const Journal journal = Journal::resume(report());
    EXPECT_EQ(journal_refusal([&] { journal.refuse_another_host(head_of_host("A CPU")); }), "");
    EXPECT_THAT(journal_refusal([&] { journal.refuse_another_host(head_of_host("Another")); }),
                HasSubstr("host/cpu was \"A CPU\", and here it is \"Another\""));
    RunReport other_program = head_of_host("A CPU");
    other_program.provenance.revision = "12ab";
    EXPECT_THAT(journal_refusal([&] { journal.refuse_another_host(other_program); }),
                HasSubstr("revision"));
}

TEST_F(JournalTest, TwoProgramsDoNotWriteOne) {
    Journal journal = Journal::resume(report());
    journal.begin_session(head_of_host("A CPU"));
    journal.add(test::passed("a", "b"));
    EXPECT_THAT(journal_refusal([&] { Journal::resume(report()); }), HasSubstr("another nestbed"));
}

TEST_F(JournalTest, ASpoiltLineIsNamed) {
    leave({test::passed("a", "b")});
    const std::string good = text();
    const std::string deep(10'000, '[');
    for (const std::string& bad : {std::string("{}"), std::string("rubbish"), std::string("[1]"),
                                   std::string("{\"test\": 1}"), std::string("{\"schema\": 1}"),
                                   std::string("{\"schema\": 2, \"host\": 1}"), deep}) {
        write(good + bad + "\n");
        EXPECT_THAT(journal_refusal([&] { Journal::resume(report()); }),
                    HasSubstr("a.json.journal:3: "))
            << bad;
        EXPECT_EQ(text(), good + bad + "\n") << "it is left as it is";
    }
}

TEST_F(JournalTest, AnotherFileOfThatNameIsLeftAlone) {
    for (const char* other : {"precious", "precious\nlines\n", "{\"schem", "{\"schema\"?"}) {
        write(other);
        const bool is_begun = std::string_view("{\"schema\":").starts_with(other);
        EXPECT_EQ(journal_refusal([&] { Journal::begin(report()); }).empty(), is_begun) << other;
        EXPECT_EQ(text() == other, !is_begun) << other;
    }
}

TEST_F(JournalTest, AReportWhoseCountsAreWrongIsNamed) {
    RunReport written = head_of_host("A CPU");
    written.tests = {full_result()};
    const std::string text = json_report(written);
    const std::string count = "\"measurements\": 2";
    const std::size_t at = text.find(count);
    ASSERT_NE(at, std::string::npos);
    for (const char* wrong : {"0", "1", "3", "1000000", "-1", "2.5", "null"}) {
        folder_.write("a.json", std::string(text).replace(
                                    at, count.size(), std::string("\"measurements\": ") + wrong));
        EXPECT_THAT(journal_refusal([&] { Journal::resume(report()); }),
                    HasSubstr("a.json is no JSON report of nestbed measure"))
            << wrong;
    }
}

TEST_F(JournalTest, APipeIsNoFile) {
    ASSERT_EQ(::mkfifo(report().c_str(), 0600), 0);
    EXPECT_THAT(journal_refusal([&] { Journal::resume(report()); }), HasSubstr("is no file"));
}

TEST_F(JournalTest, AFileThatIsNoReportIsNamed) {
    for (const char* text : {"", "rubbish", "{}", "[]", R"({"schema": 2})"}) {
        folder_.write("a.json", text);
        EXPECT_THAT(journal_refusal([&] { Journal::resume(report()); }),
                    HasSubstr("a.json is no JSON report of nestbed measure"))
            << text;
    }
}

}  // namespace
}  // namespace nestbed::vmm
