#include <gmock/gmock.h>

#include <algorithm>
#include <regex>
#include <set>

#include "tests/hostile/expectations.hpp"
#include "tests/hostile/hostile_test.hpp"

namespace nestbed::test {

namespace {

using nlohmann::json;

/// Of the program, and of each process that it starts.
constexpr long most_kib = 768 << 10;
/// For what comes after a test's timeout: its records and its diagnosis. Generous: beside others,
/// on a busy machine.
constexpr double seconds_after_timeout = 30;

std::string name_of(const json& test) {
    return test["suite"].get<std::string>() + "." + test["name"].get<std::string>();
}

bool contains(const std::string& text, std::string_view expression) {
    return std::regex_search(text, std::regex(expression.begin(), expression.end()));
}

void expect_as_expected(const json& test) {
    const std::string name = name_of(test);
    const Expectation* expected = expectation_of(name);
    ASSERT_NE(expected, nullptr) << name << " is in no row of expectations.cpp";
    const std::string reason = test["reason"];
    EXPECT_TRUE(std::regex_match(test["verdict"].get<std::string>(),
                                 std::regex(expected->verdict.begin(), expected->verdict.end())))
        << name << " is " << test["verdict"] << " (" << reason << ") instead of "
        << expected->verdict;
    EXPECT_TRUE(contains(reason, expected->reason))
        << name << ": \"" << reason << "\" has nothing of " << expected->reason;
    EXPECT_LE(test["seconds"].get<double>(), test["timeout"].get<double>() + seconds_after_timeout)
        << name;
}

}  // namespace

void expect_printable(const std::string& text) {
    for (std::size_t n = 0; n < text.size(); ++n) {
        const auto c = static_cast<unsigned char>(text[n]);
        // C1 controls are two bytes: 0xC2 and 0x80 to 0x9F.
        const bool is_c1 =
            c == 0xC2 && n + 1 < text.size() && static_cast<unsigned char>(text[n + 1]) < 0xA0;
        if ((c < ' ' && c != '\n') || c == 0x7F || is_c1) {
            ADD_FAILURE() << "a control character: "
                          << testing::PrintToString(text.substr(n < 60 ? 0 : n - 60, 120));
            return;
        }
    }
    EXPECT_NO_THROW(static_cast<void>(json(text).dump())) << "it is not UTF-8";
}

std::string Hostile::guest(const std::string& name) {
    return std::string(NESTBED_HOSTILE_GUESTS) + "/" + name + ".elf";
}

json Hostile::run(const std::vector<std::string>& guests,
                  const std::vector<std::string>& arguments) {
    std::vector<std::string> command{NESTBED_PROGRAM, "run", "--verbose", "--output",
                                     path("report.json")};
    std::ranges::copy(arguments, std::back_inserter(command));
    std::ranges::copy(guests, std::back_inserter(command));
    const ProcessResult result = Process(command).wait(std::chrono::minutes(4));
    EXPECT_EQ(result.signal, 0);
    EXPECT_LE(result.peak_kib, most_kib);
    expect_printable(result.out);
    expect_printable(result.err);
    const json report = json::parse(contents(path("report.json")), nullptr, false);
    EXPECT_FALSE(report.is_discarded())
        << "no whole report; exit code " << result.exit_code << result.err;
    if (report.is_discarded()) {
        return json::array();
    }
    EXPECT_EQ(report["not_finished"], 0);
    EXPECT_TRUE(report["error"].is_null()) << report["error"];
    bool any_failed = false;
    for (const json& test : report["tests"]) {
        expect_as_expected(test);
        any_failed = any_failed || test["verdict"] == "failed";
    }
    EXPECT_EQ(result.exit_code, any_failed ? test_failed : success) << result.err;
    return report["tests"];
}

}  // namespace nestbed::test
