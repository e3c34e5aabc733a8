// What a JSON report has of a guest that is not ours, and what is read back of it.

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/render/json_test_result.hpp"

namespace nestbed::vmm {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson foreign_json() {
    return parse_json(json_file_text(json_of(test::foreign("apic", "smp"))));
}

TestResult read_back(const OrderedJson& json) { return test_result_in(json, OrderedJson::array()); }

/// What is wrong with a report of which something is another value; empty if nothing is.
std::string complaint_with(const std::function<void(OrderedJson&)>& spoil) {
    OrderedJson json = foreign_json();
    spoil(json["multiboot"]);
    try {
        read_back(json);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    } catch (const nlohmann::json::exception& error) {
        return complaint_of(error);
    }
    return "";
}

TEST(JsonMultiboot, HasTheValueAndTheChecks) {
    const OrderedJson json = foreign_json()["multiboot"];
    EXPECT_EQ(json["exit_value"], 1);
    EXPECT_EQ(json["counts"].dump(),
              R"({"PASS":1001,"FAIL":1,"SKIP":1,"XFAIL":1,"XPASS":1,"KFAIL":1})");
    ASSERT_EQ(json["checks"].size(), SubResult::kinds);
    EXPECT_EQ(json["checks"][4].dump(), R"({"kind":"XPASS","text":"check 4"})");
    EXPECT_EQ(json["checks_left_out"], 1'000);
}

TEST(JsonMultiboot, IsNullOfAGuestOfOurs) {
    const OrderedJson json = json_of(test::flaky("demo", "wavers"));
    EXPECT_TRUE(json.at("multiboot").is_null());
    EXPECT_TRUE(json.at("failed_attempts")[0].at("multiboot").is_null());
}

TEST(JsonMultiboot, IsThereIfOnlyAPartIs) {
    TestResult result = test::passed("apic", "smp");
    result.exit_value = 0;
    EXPECT_EQ(json_of(result)["multiboot"]["exit_value"], 0);
    result.exit_value.reset();
    result.sub_results.counts.of[2] = 1;
    EXPECT_TRUE(json_of(result)["multiboot"].at("exit_value").is_null());
    EXPECT_EQ(json_of(result)["multiboot"]["counts"]["SKIP"], 1);
}

TEST(JsonMultiboot, IsReadBack) {
    TestResult written = test::foreign("apic", "smp");
    written.exit_value = 0xFFFF'FFFF;
    Attempt& attempt = written.failed_attempts.emplace_back();
    attempt.sub_results.counts.of = {1, 2, 3, 4, 5, 6};
    attempt.sub_results.left_out = 21;
    const TestResult read = read_back(parse_json(json_file_text(json_of(written))));
    EXPECT_EQ(read.exit_value, 0xFFFF'FFFFU);
    EXPECT_EQ(read.sub_results.all, written.sub_results.all);
    EXPECT_EQ(read.sub_results.counts, written.sub_results.counts);
    EXPECT_EQ(read.sub_results.left_out, 1'000U);
    ASSERT_EQ(read.failed_attempts.size(), 1U);
    EXPECT_EQ(read.failed_attempts[0].exit_value, std::nullopt);
    EXPECT_EQ(read.failed_attempts[0].sub_results.counts, attempt.sub_results.counts);
    EXPECT_EQ(read.failed_attempts[0].sub_results.left_out, 21U);
}

TEST(JsonMultiboot, AnyBytesOfAGuestAreValidJson) {
    TestResult written = test::foreign("apic", "smp");
    written.sub_results.all = {{SubResult::Kind::fail, "\xFF\"\\\x01\n"}};
    const TestResult read = read_back(parse_json(json_file_text(json_of(written))));
    ASSERT_EQ(read.sub_results.all.size(), 1U);
    EXPECT_EQ(read.sub_results.all[0].text, "\xEF\xBF\xBD\"\\\x01\n");
}

TEST(JsonMultiboot, OlderReportsHaveNone) {
    OrderedJson json = json_of(test::flaky("demo", "wavers"));
    json.erase("multiboot");
    json["failed_attempts"][0].erase("multiboot");
    const TestResult read = read_back(json);
    EXPECT_EQ(read.exit_value, std::nullopt);
    EXPECT_EQ(read.sub_results.counts.total(), 0U);
    EXPECT_THAT(read.sub_results.all, testing::IsEmpty());
}

TEST(JsonMultiboot, WhatIsNoneIsRefused) {
    EXPECT_EQ(complaint_with([](OrderedJson&) {}), "");
    EXPECT_EQ(complaint_with([](OrderedJson& json) { json = nullptr; }), "");
    const OrderedJson array = OrderedJson::array({1});
    for (const OrderedJson& wrong :
         {OrderedJson(1), OrderedJson("x"), OrderedJson(true), array, OrderedJson::object()}) {
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json = wrong; }), "") << wrong;
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json["checks"][0] = wrong; }), "")
            << wrong;
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json["checks"][0]["kind"] = wrong; }), "")
            << wrong;
        if (!wrong.is_string()) {
            EXPECT_NE(complaint_with([&](OrderedJson& json) { json["checks"][0]["text"] = wrong; }),
                      "")
                << wrong;
        }
        if (!wrong.is_object()) {
            EXPECT_NE(complaint_with([&](OrderedJson& json) { json["checks"] = wrong; }), "")
                << wrong;
        }
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json["counts"] = wrong; }), "") << wrong;
    }
    for (const char* key : {"exit_value", "counts", "checks", "checks_left_out"}) {
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json.erase(key); }), "") << key;
    }
    EXPECT_NE(complaint_with([&](OrderedJson& json) { json["counts"].erase("KFAIL"); }), "");
}

TEST(JsonMultiboot, NumbersAreExactAndNotTooLarge) {
    for (const OrderedJson& wrong :
         {OrderedJson(-1), OrderedJson(0.5), OrderedJson(1e30), OrderedJson("1"),
          OrderedJson::array({1}), OrderedJson(true)}) {
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json["exit_value"] = wrong; }), "")
            << wrong;
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json["counts"]["FAIL"] = wrong; }), "")
            << wrong;
        EXPECT_NE(complaint_with([&](OrderedJson& json) { json["checks_left_out"] = wrong; }), "")
            << wrong;
    }
    EXPECT_EQ(complaint_with([](OrderedJson& json) { json["exit_value"] = 1ULL << 32; }),
              "exit_value has 32 bits");
    EXPECT_EQ(complaint_with([](OrderedJson& json) { json["exit_value"] = (1ULL << 32) - 1; }), "");
    EXPECT_EQ(complaint_with([](OrderedJson& json) { json["exit_value"] = nullptr; }), "");
    EXPECT_NE(complaint_with([](OrderedJson& json) { json["checks_left_out"] = nullptr; }), "");
}

TEST(JsonMultiboot, AnUnknownKindOfCheckIsNamed) {
    EXPECT_EQ(complaint_with([](OrderedJson& json) { json["checks"][0]["kind"] = "MAYBE"; }),
              "there is no kind of check MAYBE");
}

TEST(JsonMultiboot, HugeCountsAreShown) {
    OrderedJson json = foreign_json();
    json["multiboot"]["checks_left_out"] = ~std::uint64_t{0};
    json["multiboot"]["counts"]["PASS"] = ~std::uint64_t{0};
    RunReport report = test::report_of({read_back(json)});
    EXPECT_THAT(junit_report(report), testing::HasSubstr("18,446,744,073,709,551,615 checks"));
    EXPECT_NE(tap_report(report), "");
    EXPECT_NE(json_report(report), "");
}

}  // namespace
}  // namespace nestbed::vmm
