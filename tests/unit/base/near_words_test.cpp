#include "vmm/base/near_words.hpp"

#include <gtest/gtest.h>

namespace nestbed::vmm {
namespace {

const std::vector<std::string> commands{"doctor", "list",   "run",    "measure",
                                        "matrix", "nested", "report", "compare"};

TEST(EditDistance, CountsSlips) {
    EXPECT_EQ(edit_distance("run", "run"), 0U);
    EXPECT_EQ(edit_distance("rnu", "run"), 1U) << "neighbours swapped are one slip";
    EXPECT_EQ(edit_distance("ru", "run"), 1U);
    EXPECT_EQ(edit_distance("rrun", "run"), 1U);
    EXPECT_EQ(edit_distance("ran", "run"), 1U);
    EXPECT_EQ(edit_distance("RUN", "run"), 0U) << "case does not count";
    EXPECT_EQ(edit_distance("", "run"), 3U);
    EXPECT_EQ(edit_distance("run", ""), 3U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("ca", "abc"), 3U) << "no letter is moved twice";
}

TEST(Nearest, IsWhatWasMeant) {
    EXPECT_EQ(nearest("rnu", commands), "run");
    EXPECT_EQ(nearest("lsit", commands), "list");
    EXPECT_EQ(nearest("mesure", commands), "measure");
    EXPECT_EQ(nearest("docter", commands), "doctor");
    EXPECT_EQ(nearest("Run", commands), "run");
    EXPECT_EQ(nearest("--filtre", {"--filter", "--format"}), "--filter");
}

TEST(Nearest, IsNothingIfNoneIsNear) {
    EXPECT_EQ(nearest("walk", commands), std::nullopt);
    EXPECT_EQ(nearest("xyz", commands), std::nullopt);
    EXPECT_EQ(nearest("", commands), std::nullopt);
    EXPECT_EQ(nearest("4m", {"4k", "2m", "1g"}), std::nullopt) << "half of it would be wrong";
    EXPECT_EQ(nearest("run", {}), std::nullopt);
    EXPECT_EQ(nearest(std::string(100'000, 'r'), commands), std::nullopt);
}

TEST(Nearest, ABeginningIsNearIfItIsThatOfOneAlone) {
    EXPECT_EQ(nearest("comp", commands), "compare");
    EXPECT_EQ(nearest("meas", commands), "measure");
    EXPECT_EQ(nearest("para", {"paravirtual", "paravirtual_lazy"}), std::nullopt);
}

TEST(DidYouMean, GoesBehindAMessage) {
    EXPECT_EQ(did_you_mean("rnu", commands), "; did you mean run?");
    EXPECT_EQ(did_you_mean("walk", commands), "");
}

}  // namespace
}  // namespace nestbed::vmm
