#include <gmock/gmock.h>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

RunReport measured_report() {
    TestResult first = test::passed("walk", "cost");
    first.measurements = {{"chase", "cycles", {}, test::histogram_of({2, 4, 4, 4})},
                          {"a \"name\", with\nmuch",
                           "cycles",
                           {{"pages", std::uint64_t{16}}, {"stale", std::uint64_t{0}, true}},
                           test::histogram_of({70})}};
    return test::report_of({first, test::passed("boot", "empty")});
}

std::vector<std::string> csv_lines(const RunReport& report) {
    const std::string text = csv_report(report);
    std::vector<std::string> lines;
    for (const std::string_view line : lines_of(text)) {
        lines.emplace_back(line);
    }
    return lines;
}

TEST(Csv, HasARowForEachMeasurementAndAColumnForWhatAnyOfThemHas) {
    const std::vector<std::string> lines = csv_lines(measured_report());
    EXPECT_THAT(lines[0], StartsWith("id,study,name,is,of,inputs.pages,outcome.stale,unit,count,"
                                     "min,p25,p50,p75,p90,p99,p999,max,mean,stddev,warnings,"));
    EXPECT_THAT(lines[1], StartsWith("walk.cost/chase,,chase,,,,,cycles,4,2,2,4,4,,,,4,3,"));
}

TEST(Csv, QuotesWhatWouldBreakARow) {
    EXPECT_THAT(csv_report(measured_report()),
                HasSubstr("\"walk.cost/a \"\"name\"\", with\nmuch[pages=16]\",,"
                          "\"a \"\"name\"\", with\nmuch\",,,16,0,cycles,1,70,,"));
}

TEST(Csv, AnyBytesOfAGuestArePrintable) {
    RunReport report = measured_report();
    report.tests[0].measurements[0].name = "\xFF";
    EXPECT_THAT(csv_report(report), HasSubstr("walk.cost/\\xff,,\\xff,"));
}

TEST(Csv, HasARowForEachBucketIfAsked) {
    RunReport report = measured_report();
    report.histograms = true;
    report.sandbox = "off";
    report.tests[0].measurements.pop_back();
    EXPECT_THAT(
        csv_lines(report),
        ElementsAre("id,study,name,is,of,unit,histogram.lower,histogram.upper,"
                    "histogram.count,test,verdict,repetition,cpus,tsc_khz,sandbox",
                    "walk.cost/chase,,chase,,,cycles,2,2,1,walk.cost,passed,1,2,2000000,off",
                    "walk.cost/chase,,chase,,,cycles,4,4,3,walk.cost,passed,1,2,2000000,off"));
}

TEST(Csv, HasColumnsWithoutAnyMeasurement) {
    EXPECT_THAT(csv_lines(test::report_of({})), SizeIs(1));
    EXPECT_THAT(csv_report(test::report_of({})), StartsWith("id,study,name,"));
}

}  // namespace
}  // namespace nestbed::vmm
