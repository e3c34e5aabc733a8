// Which names and tags a command line lets through.

#include "vmm/run/filter.hpp"

#include <gmock/gmock.h>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {
namespace {

TEST(Filter, MatchesAnyOfItsPatterns) {
    const Filter filter({"boot.*:paging.map", "*.empty"});
    EXPECT_TRUE(filter.matches("boot.anything"));
    EXPECT_TRUE(filter.matches("paging.map"));
    EXPECT_TRUE(filter.matches("other.empty"));
    EXPECT_FALSE(filter.matches("paging.map_more"));
}

TEST(Filter, WithoutPatternsLetsAllThrough) { EXPECT_TRUE(Filter().matches("boot.empty")); }

TEST(Filter, ExcludesAllBehindTheFirstDash) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"a.*:-a.slow*:a.big"},
          {"a.*-a.slow*:a.big"},
          {"a.*:-a.slow*:-a.big"},
          {"a.*", "-a.slow*:a.big"},
          {"-a.slow*", "a.*", "-a.big"}}) {
        const Filter filter(arguments);
        SCOPED_TRACE(testing::PrintToString(arguments));
        EXPECT_TRUE(filter.matches("a.quick"));
        EXPECT_FALSE(filter.matches("a.slow_one"));
        EXPECT_FALSE(filter.matches("a.big"));
        EXPECT_FALSE(filter.matches("b.quick"));
    }
}

TEST(Filter, OfExclusionsAloneLetsTheRestThrough) {
    const Filter filter({"-a.*"});
    EXPECT_FALSE(filter.matches("a.quick"));
    EXPECT_TRUE(filter.matches("b.slow"));
}

TEST(Filter, ADashInBracketsIsARange) {
    const Filter filter({"a.[a-f]*:-a.[d-e]*"});
    EXPECT_TRUE(filter.matches("a.big"));
    EXPECT_FALSE(filter.matches("a.does"));
    EXPECT_FALSE(filter.matches("a.more"));
}

TEST(Filter, TakesOneArgumentAfterAnother) {
    Filter filter;
    filter.add("-a.slow");
    filter.add("a.*");
    filter.add("b.*:-b.slow");
    EXPECT_TRUE(filter.matches("a.quick"));
    EXPECT_TRUE(filter.matches("b.quick"));
    EXPECT_FALSE(filter.matches("a.slow"));
    EXPECT_FALSE(filter.matches("b.slow"));
    EXPECT_FALSE(filter.matches("c.quick"));
}

TEST(Filter, AnEmptyPatternIsRefused) {
    for (const char* argument : {"", ":", "a:", ":a", "a::b", "-", "a-", "a:-", "-a:", ":-a"}) {
        EXPECT_THROW(Filter({argument}), Error) << argument;
    }
}

TEST(TagFilter, TakesOneOfThoseWantedAndNoneExcluded) {
    const TagFilter filter({"slow,needs-swap", "-needs-invpcid"});
    EXPECT_TRUE(filter.matches({"slow"}));
    EXPECT_TRUE(filter.matches({"measures", "needs-swap"}));
    EXPECT_FALSE(filter.matches({"measures"}));
    EXPECT_FALSE(filter.matches({}));
    EXPECT_FALSE(filter.matches({"slow", "needs-invpcid"}));
    EXPECT_TRUE(TagFilter({"-slow"}).matches({}));
    EXPECT_TRUE(TagFilter().matches({"slow"}));
}

TEST(TagFilter, AnEmptyTagIsRefused) {
    for (const char* argument : {"", "-", ",", "slow,", "slow,-"}) {
        EXPECT_THROW(TagFilter({argument}), Error) << argument;
    }
}

}  // namespace
}  // namespace nestbed::vmm
