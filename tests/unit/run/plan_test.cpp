// In which order tests are run, and how often.

#include "vmm/run/plan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;

/// Of the plan's tests, at most so many.
std::vector<std::string> run_through(Plan& plan, std::size_t most = 10'000) {
    std::vector<std::string> names;
    while (names.size() < most) {
        const auto test = plan.next();
        if (!test) {
            break;
        }
        names.push_back(test->test->full_name() + " " + std::to_string(test->repetition));
    }
    return names;
}

class PlanOfBoot : public testing::Test {
  protected:
    Plan plan(const PlanOrder& order, const char* filter = "*") {
        return {select(guests_, {.filter = Filter({filter})}).tests, order, {}};
    }

  private:
    GuestSet guests_ = guests_named({"boot"});
};

TEST_F(PlanOfBoot, RepeatsAllBeforeAnyAgain) {
    Plan twice = plan({.repeat = 2}, "boot.empty:boot.memory*");
    EXPECT_EQ(twice.size(), 4U);
    EXPECT_THAT(run_through(twice), ElementsAre("boot.empty 1", "boot.memory_map_is_usable 1",
                                                "boot.empty 2", "boot.memory_map_is_usable 2"));
}

TEST_F(PlanOfBoot, KnowsWhatIsLeft) {
    Plan twice = plan({.repeat = 2}, "boot.empty:boot.memory*");
    EXPECT_EQ(twice.count_of_later_repetitions(), 4U);
    EXPECT_TRUE(twice.left_of_repetition().empty()) << "none has begun";
    twice.next();
    EXPECT_EQ(twice.count_of_later_repetitions(), 2U);
    EXPECT_EQ(twice.left_of_repetition().size(), 1U);
    run_through(twice);
    EXPECT_EQ(twice.count_of_later_repetitions(), 0U);
    EXPECT_TRUE(twice.left_of_repetition().empty());
    EXPECT_FALSE(twice.next());
}

TEST_F(PlanOfBoot, ASeedIsAnOrderAndAnotherOneInEachRepetition) {
    Plan straight = plan({.repeat = 2});
    Plan shuffled = plan({.repeat = 2, .shuffle_seed = 1});
    Plan again = plan({.repeat = 2, .shuffle_seed = 1});
    Plan other = plan({.repeat = 2, .shuffle_seed = 2});
    const auto names = run_through(shuffled);
    EXPECT_EQ(names, run_through(again));
    const auto in_order = run_through(straight);
    EXPECT_NE(names, in_order);
    EXPECT_NE(names, run_through(other));
    EXPECT_EQ(std::set(names.begin(), names.end()), std::set(in_order.begin(), in_order.end()));
    const auto half = static_cast<std::ptrdiff_t>(names.size() / 2);
    const auto test_of = [](const std::string& name) { return name.substr(0, name.find(' ')); };
    EXPECT_FALSE(
        std::equal(names.begin(), names.begin() + half, names.begin() + half,
                   [&](const auto& one, const auto& two) { return test_of(one) == test_of(two); }));
}

TEST_F(PlanOfBoot, WithoutEndGoesOn) {
    Plan endless = plan({.repeat = without_end}, "boot.empty");
    EXPECT_EQ(endless.size(), without_end);
    EXPECT_EQ(run_through(endless, 5).back(), "boot.empty 5");
    EXPECT_EQ(endless.count_of_later_repetitions(), without_end);
}

TEST(Plan, OfNothingIsOver) {
    Plan plan(std::vector<PlannedTest>{}, {.repeat = without_end});
    EXPECT_FALSE(plan.next());
    EXPECT_EQ(plan.size(), 0U);
    EXPECT_EQ(plan.count_of_later_repetitions(), 0U);
}

}  // namespace
}  // namespace nestbed::vmm
