#include "vmm/result/measurement_table.hpp"

#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::string_literals;

MeasurementEvent measurement(const std::string& unit) {
    return {"walk",
            unit,
            {{"page", "2m"s}, {"levels", std::uint64_t{3}}},
            test::histogram_of({2000, 2000, 2000, 4000})};
}

TEST(MeasurementTable, ShowsCyclesAndTimes) {
    TestResult result = test::passed("walk", "cost");
    result.measurements = {measurement("cycles")};
    EXPECT_EQ(measurement_tables(result, 2),
              "                                      --------- cycles ---------  "
              "-------------- time ---------------\n"
              "  measurement  page  levels  samples   min   p50  p90  p99   max  "
              "    min      p50  p90  p99      max\n"
              "  walk         2m         3        4  2000  2000    -    -  4000  "
              "1.00 µs  1.00 µs    -    -  2.00 µs\n");
}

TEST(MeasurementTable, OtherUnitsHaveNoTimes) {
    TestResult result = test::passed("walk", "cost");
    result.measurements = {measurement("references")};
    EXPECT_THAT(measurement_tables(result, 0), Not(HasSubstr("µs")));
    EXPECT_THAT(measurement_tables(result, 0), HasSubstr(" references "));
}

TEST(MeasurementTable, CyclesWithoutAClockHaveNoTimes) {
    TestResult result = test::passed("walk", "cost");
    result.tsc_khz = 0;
    result.measurements = {measurement("cycles")};
    EXPECT_THAT(measurement_tables(result, 0), Not(HasSubstr("µs")));
}

TEST(MeasurementTable, OneTablePerUnitWithTheParametersOfAll) {
    TestResult result = test::passed("walk", "cost");
    MeasurementEvent other = measurement("cycles");
    other.parameters = {{"depth", std::uint64_t{9}}};
    result.measurements = {measurement("cycles"), measurement("references"), other};
    const std::string text = measurement_tables(result, 0);
    EXPECT_THAT(text, HasSubstr("page  levels  depth  samples"));
    EXPECT_THAT(text, HasSubstr("references"));
}

TEST(MeasurementTable, ATestWithoutMeasurementsHasNone) {
    EXPECT_EQ(measurement_tables(test::passed("walk", "cost"), 0), "");
}

}  // namespace
}  // namespace nestbed::vmm
