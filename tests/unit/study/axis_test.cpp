// An axis by itself: what its option takes, and how its values are written.

#include "vmm/study/axis.hpp"

#include <gmock/gmock.h>

#include "runs.hpp"
#include "shared/study/access_pattern.hpp"

namespace nestbed::vmm {
namespace {

using study::Pattern;
using test::refusal_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const Axis pages_axis = number_axis("pages", "Pages", 1, 512, {1, 16}, Axis::list);
const Axis pattern_axis = name_axis<Pattern>("pattern", "Order", {Pattern::strided}, Axis::list);
const Axis memory_axis =
    size_axis("memory", "Sizes", 2 << 20, 32ULL << 30, 2 << 20, {8 << 20}, Axis::list);

TEST(Axis, OfNumbersTakesListsAndRanges) {
    EXPECT_THAT(pages_axis.parse("1,2,4-8,512"), ElementsAre(1, 2, 4, 5, 6, 7, 8, 512));
    EXPECT_THAT(pages_axis.parse("0x10"), ElementsAre(16));
    for (const char* text : {"", "0", "513", "1,", "8-4", "4-", "-4", "1,1", "1-3,2", "4-513"}) {
        EXPECT_THAT(refusal_of([&] { pages_axis.parse(text); }), StartsWith("--pages")) << text;
    }
}

TEST(Axis, OfOneNumberTakesNeither) {
    const Axis samples = number_axis("samples", "Samples", 1, 100, {10});
    EXPECT_THAT(samples.parse("7"), ElementsAre(7));
    for (const char* text : {"1,2", "1-2", "all"}) {
        EXPECT_THAT(refusal_of([&] { samples.parse(text); }), StartsWith("--samples")) << text;
    }
}

TEST(Axis, OfNamesKnowsThem) {
    EXPECT_THAT(pattern_axis.parse("strided,random"), ElementsAre(1, 0));
    EXPECT_THAT(pattern_axis.parse("all"), ElementsAre(0, 1));
    EXPECT_EQ(refusal_of([] { pattern_axis.parse("sorted"); }),
              "--pattern sorted: there are random, strided, all");
    EXPECT_THAT(refusal_of([] { pattern_axis.parse("all,random"); }),
                HasSubstr("random is there twice"));
    EXPECT_EQ(pattern_axis.show(1), "strided");
    EXPECT_EQ(pattern_axis.show(7), "?");
}

TEST(Axis, OfSizesTakesMultiplesInItsBounds) {
    EXPECT_THAT(memory_axis.parse("2M,1G"), ElementsAre(2 << 20, 1 << 30));
    EXPECT_EQ(memory_axis.show(2 << 20), "2 MiB");
    for (const char* text : {"1M", "3M", "33G", "0", "2"}) {
        EXPECT_EQ(refusal_of([&] { memory_axis.parse(text); }),
                  fmt::format("--memory {}: it is a multiple of 2M from 2M to 32G", text));
    }
    Axis ring = number_axis("ring_entries", "Entries", 1, 65536, {65536});
    ring.multiple = 0;
    EXPECT_THAT(ring.parse("4096"), ElementsAre(4096));
    EXPECT_EQ(refusal_of([&] { ring.parse("4097"); }),
              "--ring-entries 4097: it is a power of two from 1 to 65536");
}

TEST(Axis, SaysItsRangeAndDefaultInHelp) {
    EXPECT_EQ(pages_axis.option_help(), "Pages (1 to 512; default 1,16)");
    EXPECT_EQ(pattern_axis.option_help(), "Order (default strided)");
    EXPECT_EQ(memory_axis.option_help(), "Sizes (2M to 32G; default 8M)");
    EXPECT_EQ(name_axis<Pattern>("pattern", "Order", {}).option_help(), "Order (default all)");
    EXPECT_THAT(pattern_axis.values_help(),
                HasSubstr("--pattern:\n  random              in a random"));
}

TEST(Axis, CountsInWordsWhatCanBeCounted) {
    EXPECT_EQ(pages_axis.in_words(1), "1 page");
    EXPECT_EQ(pages_axis.in_words(16), "16 pages");
    EXPECT_EQ(pattern_axis.in_words(0), "pattern random");
    EXPECT_EQ(memory_axis.in_words(8 << 20), "memory 8 MiB");
}

}  // namespace
}  // namespace nestbed::vmm
