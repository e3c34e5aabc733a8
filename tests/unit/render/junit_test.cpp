#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

TEST(XmlEscaped, Markup) {
    EXPECT_EQ(xml_escaped("a < b && \"c\" > 'd'"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; 'd'");
    EXPECT_EQ(xml_escaped("]]>"), "]]&gt;");
}

TEST(XmlEscaped, WhiteSpaceSurvivesInAttributes) {
    EXPECT_EQ(xml_escaped("a\tb\nc\rd"), "a&#9;b&#10;c&#13;d");
}

TEST(XmlEscaped, WhatXmlCannotHold) {
    EXPECT_EQ(xml_escaped("\x1b[31m\x01"), "\\x1b[31m\\x01");
    EXPECT_EQ(xml_escaped("zero\0"s), "zero\\x00");
    EXPECT_EQ(xml_escaped("\xFF"), "\xEF\xBF\xBD");
    EXPECT_EQ(xml_escaped("\xEF\xBF\xBE\xEF\xBF\xBF"), "\xEF\xBF\xBD\xEF\xBF\xBD")
        << "noncharacters";
    EXPECT_EQ(xml_escaped("µ🙂"), "µ🙂");
}

TEST(JunitReport, IsWholeForAMixedRun) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("boot", "huge", "no 1 GiB pages")});
    EXPECT_EQ(junit_report(report),
              R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nestbed" tests="3" failures="1" errors="0" skipped="1" time="1.500000">
  <testsuite name="boot" tests="2" failures="0" errors="0" skipped="1" time="0.025000">
    <testcase classname="boot" name="empty" file="guest/suites/boot.cpp" line="7" time="0.012500">
    </testcase>
    <testcase classname="boot" name="huge" file="guest/suites/boot.cpp" line="7" time="0.012500">
      <skipped message="no 1 GiB pages"/>
    </testcase>
  </testsuite>
  <testsuite name="demo" tests="1" failures="1" errors="0" skipped="0" time="0.012500">
    <testcase classname="demo" name="fails" file="guest/suites/demo.cpp" line="7" time="0.012500">
      <failure message="an expectation failed" type="expectation">guest/suites/demo.cpp:12: expected a == b&#10;    1 == 2&#10;</failure>
      <system-out>[cpu 0] before it failed&#10;</system-out>
    </testcase>
  </testsuite>
</testsuites>
)");
}

TEST(JunitReport, NamesTheDeathOfAGuest) {
    const std::string xml = junit_report(test::report_of({test::crashed("demo", "dies")}));
    EXPECT_THAT(xml,
                HasSubstr("<failure message=\"triple fault (KVM_EXIT_SHUTDOWN)\" type=\"guest\">"
                          "vCPU 0: ended the run&#10;"));
}

TEST(JunitReport, GuestTextCannotEndAnElement) {
    RunReport report = test::report_of({test::failed("demo", "evil")});
    report.tests[0].log = {"</system-out></testcase>"};
    report.tests[0].failures[0].values = "\"]]>\" == 1";
    EXPECT_THAT(junit_report(report), Not(HasSubstr("</system-out></testcase>")));
}

TEST(JunitReport, WhatCouldNotBeRunIsAnErrorAndNoFailure) {
    const std::string xml = junit_report(
        test::report_of({test::not_run("boot", "empty"), test::failed("boot", "fails")}));
    EXPECT_THAT(xml, HasSubstr("<testsuite name=\"boot\" tests=\"2\" failures=\"1\" errors=\"1\""));
    EXPECT_THAT(xml, HasSubstr("<error message=\"KVM_CREATE_VM failed: &lt;no&gt; memory\" "
                               "type=\"kernel_refused\"/>"));
}

TEST(JunitReport, AFlakyTestIsInTheFormOfSurefire) {
    const std::string xml = junit_report(test::report_of({test::flaky("demo", "wavers")}));
    EXPECT_THAT(xml, HasSubstr("tests=\"1\" failures=\"0\" errors=\"0\""));
    EXPECT_THAT(xml, HasSubstr(R"(
      <flakyFailure message="an expectation failed" type="expectation">
        <stackTrace>guest/suites/demo.cpp:12: expected a == b&#10;    1 == 2&#10;</stackTrace>
        <system-out>[cpu 0] before it failed&#10;</system-out>
      </flakyFailure>
      <flakyFailure message="triple fault" type="guest">
        <stackTrace>vCPU 0: ended the run&#10;</stackTrace>
      </flakyFailure>
)"));
    EXPECT_THAT(xml, Not(HasSubstr("<failure")));
}

TEST(JunitReport, OfATestThatNeverPassedTheFirstFailureIsTheFailure) {
    TestResult never = test::flaky("demo", "fails");
    never.verdict = Verdict::failed;
    never.reason = "the last reason";
    const std::string xml = junit_report(test::report_of({never}));
    EXPECT_THAT(xml, HasSubstr("tests=\"1\" failures=\"1\" errors=\"0\""));
    const std::size_t failure = xml.find("<failure message=\"an expectation failed\"");
    const std::size_t second = xml.find("<rerunFailure message=\"triple fault\"");
    const std::size_t last = xml.find("<rerunFailure message=\"the last reason\"");
    EXPECT_LT(failure, second);
    EXPECT_LT(second, last);
    EXPECT_NE(last, std::string::npos);
}

TEST(JunitReport, AnErrorOfTheRunIsOne) {
    RunReport report = test::report_of({});
    report.error = Error(ErrorKind::host_lacks, "no /dev/kvm");
    report.not_finished = 3;
    EXPECT_THAT(junit_report(report),
                HasSubstr("<error message=\"no /dev/kvm: 3 tests did not finish\" "
                          "type=\"host_lacks\"/>"));
}

TEST(JunitReport, AnUnfinishedRunIsAnError) {
    RunReport report = test::report_of({test::passed("boot", "empty")});
    report.cut_short = CutShort::interrupted;
    report.not_finished = 2;
    const std::string xml = junit_report(report);
    EXPECT_THAT(xml,
                HasSubstr("<testsuites name=\"nestbed\" tests=\"2\" failures=\"0\" errors=\"1\""));
    EXPECT_THAT(
        xml,
        HasSubstr("<error message=\"interrupted: 2 tests did not finish\" type=\"interrupted\"/>"));
}

}  // namespace
}  // namespace nestbed::vmm
