#include <gmock/gmock.h>

#include "tests/unit/render/report_texts.hpp"
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
    EXPECT_EQ(xml_escaped("\xFF"), "\\xff");
    EXPECT_EQ(xml_escaped("\xEF\xBF\xBE\xEF\xBF\xBF"), "\\xef\\xbf\\xbe\\xef\\xbf\\xbf")
        << "noncharacters";
    EXPECT_EQ(xml_escaped("µ🙂"), "µ🙂");
}

TEST(JunitReport, IsWholeForAMixedRun) {
    RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("boot", "huge", "no 1 GiB pages")});
    report.provenance.time = "2026-11-27T12:00:00Z";
    report.provenance.host_name = "box";
    report.provenance.revision = "abc";
    const std::string properties = R"(    <properties>
      <property name="nestbed" value=")" NESTBED_VERSION R"("/>
      <property name="command" value="nestbed run"/>
      <property name="revision" value="abc"/>
    </properties>
)";
    EXPECT_EQ(junit_report(report),
              R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="boot" package="boot" id="0" timestamp="2026-11-27T12:00:00" hostname="box" tests="2" failures="0" errors="0" skipped="1" time="0.025">
)" + properties + R"(    <testcase classname="boot" name="empty" time="0.013">
    </testcase>
    <testcase classname="boot" name="huge" time="0.013">
      <skipped message="no 1 GiB pages"/>
    </testcase>
    <system-out></system-out>
    <system-err></system-err>
  </testsuite>
  <testsuite name="demo" package="demo" id="1" timestamp="2026-11-27T12:00:00" hostname="box" tests="1" failures="1" errors="0" skipped="0" time="0.013">
)" + properties + R"(    <testcase classname="demo" name="fails" time="0.013">
      <failure message="an expectation failed" type="expectation">guest/suites/demo.cpp:12: expected a == b&#10;    1 == 2&#10;</failure>
    </testcase>
    <system-out>--- demo.fails&#10;[cpu 0] before it failed&#10;</system-out>
    <system-err></system-err>
  </testsuite>
</testsuites>
)");
}

TEST(JunitReport, OfAHostThatIsNotNamedIsLocal) {
    EXPECT_THAT(junit_report(test::report_of({test::passed("boot", "empty")})),
                HasSubstr("hostname=\"localhost\""));
}

TEST(JunitReport, AFloodOfLinesIsCut) {
    RunReport report = test::report_of({test::failed("demo", "floods")});
    report.tests[0].log.assign(20'000, "[cpu 0] again");
    report.tests[0].log_left_out = 580'000;
    const std::string xml = junit_report(report);
    EXPECT_THAT(xml, HasSubstr("again&#10;… 599,900 lines left out&#10;[cpu 0] again"));
    EXPECT_LT(xml.size(), 4'000U);
}

TEST(JunitReport, NamesTheDeathOfAGuest) {
    const std::string xml = junit_report(test::report_of({test::crashed("demo", "dies")}));
    EXPECT_THAT(xml,
                HasSubstr("<failure message=\"triple fault (KVM_EXIT_SHUTDOWN)\" type=\"guest\">"
                          "guest/suites/demo.cpp:7: triple fault (KVM_EXIT_SHUTDOWN)&#10;"
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
    EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\" errors=\"1\""));
    EXPECT_THAT(xml, HasSubstr("<error message=\"KVM_CREATE_VM failed: &lt;no&gt; memory\" "
                               "type=\"kernel_refused\">guest/suites/boot.cpp:7&#10;</error>"));
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
        <stackTrace>guest/suites/demo.cpp:7: triple fault&#10;vCPU 0: ended the run&#10;</stackTrace>
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
                          "type=\"host_lacks\"></error>"));
}

TEST(JunitReport, AnUnfinishedRunIsAnError) {
    RunReport report = test::report_of({test::passed("boot", "empty")});
    report.cut_short = CutShort::interrupted;
    report.not_finished = 2;
    const std::string xml = junit_report(report);
    EXPECT_THAT(xml, HasSubstr("<testsuite name=\"nestbed\" package=\"nestbed\" id=\"1\""));
    EXPECT_THAT(xml, HasSubstr("<error message=\"interrupted: 2 tests did not finish\" "
                               "type=\"interrupted\"></error>"));
}

// Guests that are not ours.

TEST(JunitReport, TheChecksInsideAGuestAreASuite) {
    RunReport report = test::report_of({test::foreign("apic", "smp"), test::passed("boot", "a")});
    report.provenance.host_name = "box";
    const std::string properties = R"(    <properties>
      <property name="nestbed" value=")" NESTBED_VERSION R"("/>
      <property name="command" value="nestbed run"/>
    </properties>
)";
    EXPECT_THAT(
        junit_report(report),
        testing::EndsWith(
            R"(  <testsuite name="apic.smp" package="apic.smp" id="2" timestamp="1970-01-01T00:00:00" hostname="box" tests="6" failures="2" errors="0" skipped="3" time="0.000">
)" + properties +
            R"(    <testcase classname="apic.smp" name="check 0" time="0.000">
    </testcase>
    <testcase classname="apic.smp" name="check 1" time="0.000">
      <failure message="check 1" type="FAIL"></failure>
    </testcase>
    <testcase classname="apic.smp" name="check 2" time="0.000">
      <skipped message="SKIP"/>
    </testcase>
    <testcase classname="apic.smp" name="check 3" time="0.000">
      <skipped message="XFAIL"/>
    </testcase>
    <testcase classname="apic.smp" name="check 4" time="0.000">
      <failure message="check 4" type="XPASS"></failure>
    </testcase>
    <testcase classname="apic.smp" name="check 5" time="0.000">
      <skipped message="KFAIL"/>
    </testcase>
    <system-out>… 1,000 checks left out</system-out>
    <system-err></system-err>
  </testsuite>
</testsuites>
)"));
}

TEST(JunitReport, NoTwoSuitesHaveAnId) {
    RunReport report = test::report_of({test::foreign("apic", "smp"), test::passed("apic", "up"),
                                        test::foreign("vmx", "all"), test::foreign("apic", "ipi")});
    report.cut_short = CutShort::interrupted;
    report.not_finished = 2;
    const std::string xml = junit_report(report);
    std::size_t at = 0;
    for (const char* suite :
         {"apic\" package=\"apic\" id=\"0\"", "vmx\" package=\"vmx\" id=\"1\"",
          "apic.smp\" package=\"apic.smp\" id=\"2\"", "vmx.all\" package=\"vmx.all\" id=\"3\"",
          "apic.ipi\" package=\"apic.ipi\" id=\"4\"", "nestbed\" package=\"nestbed\" id=\"5\""}) {
        at = xml.find(std::string("<testsuite name=\"") + suite, at);
        EXPECT_NE(at, std::string::npos) << suite;
    }
}

TEST(JunitReport, WhatAGuestSaysOfItsChecksCannotEndAnElement) {
    RunReport report = test::report_of({test::foreign("apic", "smp")});
    report.tests[0].repetition = 2;
    report.tests[0].sub_results.all = {
        {SubResult::Kind::fail, "\"/></testcase>&\x1b"},
        {SubResult::Kind::pass, ""},
    };
    report.tests[0].sub_results.left_out = 0;
    const std::string xml = junit_report(report);
    EXPECT_THAT(xml, HasSubstr("name=\"&quot;/&gt;&lt;/testcase&gt;&amp;\\x1b\""));
    EXPECT_THAT(xml, HasSubstr("<failure message=\"&quot;/&gt;&lt;/testcase&gt;&amp;\\x1b\" "
                               "type=\"FAIL\">"));
    EXPECT_THAT(xml, HasSubstr("classname=\"apic.smp #2\" name=\"\""));
    EXPECT_THAT(xml,
                HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"0.000\""));
    EXPECT_THAT(xml, Not(HasSubstr("left out")));
}

TEST(JunitReport, WithoutChecksThereIsNoSuiteOfThem) {
    TestResult silent = test::passed("apic", "smp");
    silent.exit_value = 0;
    EXPECT_THAT(junit_report(test::report_of({silent})), Not(HasSubstr("id=\"1\"")));
}

}  // namespace
}  // namespace nestbed::vmm
