#include "shared/paging/stale.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <type_traits>
#include <utility>

#include "table_pool.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

template <typename T>
class Stale : public testing::Test {
  public:
    static constexpr PageSize size = T::value;
    using Token = StaleTlbEntry<size>;
    using Rights = StaleRights<size>;
    static constexpr AddressSpaceId id{Frame4k::at<0x5000>()};
    static constexpr auto the_page = Page<size>::template at<0x7f00'4000'0000>();
    static constexpr auto the_frame = Frame<size>::template at<0x1'4000'0000>();

    static Token token() {
        return Token(id, the_page, the_frame,
                     Entry<leaf_level_of(size)>::leaf(the_frame, Flags(read | write)));
    }
    static Rights rights(bool owed) {
        return Rights(id, the_page, Entry<leaf_level_of(size)>(), owed);
    }
};
TYPED_TEST_SUITE(Stale, AllSizes, SizeName);

TYPED_TEST(Stale, GivesTheFrameBackAfterInvalidatingItsOwnAddressSpace) {
    auto token = TestFixture::token();
    EXPECT_EQ(token.space(), TestFixture::id);
    EXPECT_EQ(token.page(), TestFixture::the_page);
    RecordingInvalidator invalidator;
    EXPECT_EQ(std::move(token).invalidate(invalidator), TestFixture::the_frame);
    EXPECT_EQ(invalidator.calls, 1);
    EXPECT_EQ(invalidator.space, TestFixture::id);
    EXPECT_EQ(invalidator.address, TestFixture::the_page.address());
}

TYPED_TEST(Stale, MovesWithWhatItOwes) {
    static_assert(!std::is_copy_constructible_v<typename TestFixture::Token>);
    static_assert(!std::is_copy_constructible_v<typename TestFixture::Rights>);
    auto first = TestFixture::token();
    std::optional<typename TestFixture::Token> second(std::move(first));
    RecordingInvalidator invalidator;
    EXPECT_EQ(std::move(*second).invalidate(invalidator), TestFixture::the_frame);
}

TYPED_TEST(Stale, DroppedUnpaidStopsTheProgram) {
    EXPECT_DEATH({ const auto token = TestFixture::token(); }, "dropped before invalidation");
    EXPECT_DEATH({ const auto token = TestFixture::rights(true); }, "dropped before invalidation");
    EXPECT_DEATH(
        {
            auto token = TestFixture::token();
            auto other = TestFixture::token();
            token = std::move(other);
        },
        "dropped before invalidation");
}

TYPED_TEST(Stale, UsedAfterItWasMovedFromStopsTheProgram) {
    RecordingInvalidator invalidator;
    auto first = TestFixture::token();
    auto second = std::move(first);
    // What happens then is the test.
    // NOLINTBEGIN(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
    EXPECT_DEATH(static_cast<void>(std::move(first).invalidate(invalidator)), "moved from");
    static_cast<void>(std::move(second).invalidate(invalidator));
    EXPECT_DEATH(static_cast<void>(std::move(second).invalidate(invalidator)), "paid already");
    // NOLINTEND(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
}

TYPED_TEST(Stale, RightsThatOweNothingNeedNoInvalidation) {
    RecordingInvalidator invalidator;
    { const auto dropped = TestFixture::rights(false); }
    TestFixture::rights(false).invalidate(invalidator);
    EXPECT_EQ(invalidator.calls, 0);
    TestFixture::rights(true).invalidate(invalidator);
    EXPECT_EQ(invalidator.calls, 1);
}

// What must not compile: taking the frame from a token that is not given up.
template <typename Token>
concept FrameComesFromAnLvalue = requires(Token& token, RecordingInvalidator& i) {
    token.invalidate(i);
};
static_assert(!FrameComesFromAnLvalue<StaleTlbEntry<PageSize::size_4k>>);

}  // namespace
}  // namespace nestbed::paging::test
