#include "vmm/result/test_result_bytes.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {
namespace {

/// With something in every field.
TestResult full_result() {
    TestResult result = test::flaky("suite", "name");
    result.count = 3;
    result.log = {"[cpu 0] a line", ""};
    result.log_left_out = 4;
    result.failures = {{"file.cpp", 12, "a == b", "1 == 2"}};
    result.failures_left_out = 5;
    stats::Histogram histogram;
    histogram.record(70);
    histogram.record(~std::uint64_t{0});
    result.measurements.push_back(
        {.name = "chase",
         .unit = "cycles",
         .parameters = {{"pages", std::uint64_t{16}, true}, {"kind", std::string("far"), false}},
         .histogram = histogram,
         .counted = true,
         .proof = channel::Proof{7, 1},
         .is = "part",
         .of = "whole",
         .warnings = {{Warning::Kind::not_measurable, "mark", "text"}}});
    result.asked_for = {"rounds", "seed"};
    result.skip = "a reason";
    result.violations = {"vCPU 0: a lie"};
    result.reason = "why";
    result.error.emplace(ErrorKind::host_lacks, "no KVM");
    result.seconds = 1.5;
    result.diagnosis = "line\nline";
    result.brief_diagnosis = "line";
    result.file = "guest/suites/x.cpp";
    result.line = 77;
    result.cpus = 4;
    result.host_cpus = 2;
    result.tsc_khz = 2'000'000;
    result.repetition = 9;
    result.parameters = {{"rounds", 100}};
    result.verdict = Verdict::skipped;
    result.timeout = 10;
    result.slow_after = 5;
    BackingReport backing{{.kind = Backing::hugetlb_1g, .prefault = true}, 4096, {}, {}, "none"};
    backing.host = {.mapped = 1,
                    .rss = 2,
                    .anon_huge_pages = 3,
                    .shmem_pmd_mapped = 4,
                    .file_pmd_mapped = 5,
                    .shared_hugetlb = 6,
                    .private_hugetlb = 7,
                    .swap = 8,
                    .kernel_page_size = 9};
    backing.pool = HugePages{.kib = 2048, .total = 10, .free = 5, .reserved = std::nullopt};
    result.memory = MemoryReport{backing, backing, KvmPages{1, 2, 3}};
    result.study = "walk";
    result.point = "16 pages";
    result.point_id = "pages=16";
    result.inputs = {{"pages", std::uint64_t{16}}};
    result.kvm_counts = {3, 4, {{"exits", -1.5}}, "a problem"};
    result.interrupted = true;
    result.retry_interrupted = true;
    const TestResult foreign = test::foreign("suite", "name");
    result.sub_results = foreign.sub_results;
    result.exit_value = 0xFFFF'FFFF;
    result.failed_attempts[0].sub_results.counts.of = {1, 2, 3, 4, 5, 6};
    result.failed_attempts[0].sub_results.left_out = 21;
    result.failed_attempts[1].exit_value = 0;
    return result;
}

/// All that a JSON report has, and what it has not.
std::string shown(const TestResult& result) {
    RunReport report;
    report.tests.push_back(result);
    std::string text = json_report(report) + result.brief_diagnosis + result.point;
    text +=
        fmt::format(" {} {} {} {} {}", result.count, result.interrupted, result.retry_interrupted,
                    result.skip.value_or("-"), result.asked_for.size());
    for (const std::string& violation : result.violations) {
        text += violation;
    }
    return text;
}

void expect_same_checks(const Attempt& attempt, const Attempt& expected) {
    EXPECT_EQ(attempt.sub_results.all, expected.sub_results.all);
    EXPECT_EQ(attempt.sub_results.left_out, expected.sub_results.left_out);
    EXPECT_EQ(attempt.sub_results.counts, expected.sub_results.counts);
    EXPECT_EQ(attempt.exit_value, expected.exit_value);
}

TEST(TestResultBytes, AreAllOfIt) {
    EXPECT_EQ(shown(test_result_of(bytes_of(full_result()))), shown(full_result()));
    EXPECT_EQ(shown(test_result_of(bytes_of(TestResult()))), shown(TestResult()));
}

TEST(TestResultBytes, HaveTheChecksOfAGuestThatIsNotOurs) {
    const TestResult expected = full_result();
    const TestResult result = test_result_of(bytes_of(expected));
    expect_same_checks(result, expected);
    ASSERT_EQ(result.failed_attempts.size(), 2U);
    expect_same_checks(result.failed_attempts[0], expected.failed_attempts[0]);
    expect_same_checks(result.failed_attempts[1], expected.failed_attempts[1]);
    expect_same_checks(test_result_of(bytes_of(TestResult())), TestResult());
}

TEST(TestResultBytes, KnowNoOtherKindsOfChecks) {
    TestResult result;
    result.sub_results.all = {{SubResult::Kind::kfail, "x"}};
    EXPECT_NO_THROW(test_result_of(bytes_of(result)));
    result.sub_results.all = {{static_cast<SubResult::Kind>(SubResult::kinds), "x"}};
    EXPECT_THROW(test_result_of(bytes_of(result)), Error);
}

TEST(TestResultBytes, OfWhichAnyPartIsMissingAreRefused) {
    const std::string bytes = bytes_of(full_result());
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 40) {
        EXPECT_THROW(test_result_of(bytes.substr(0, size)), Error) << size;
    }
    EXPECT_THROW(test_result_of(bytes + "x"), Error);
}

TEST(TestResultBytes, ThatSomebodyElseHasMadeDoNoHarm) {
    const std::string bytes = bytes_of(full_result());
    std::mt19937_64 random(5);
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string changed = bytes;
        for (std::uint64_t n = 1 + random() % 8; n != 0; --n) {
            changed[random() % changed.size()] = static_cast<char>(random());
        }
        try {
            static_cast<void>(shown(test_result_of(changed)));
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            ++refused;
        }
    }
    EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace nestbed::vmm
