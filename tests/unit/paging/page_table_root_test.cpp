#include "shared/paging/page_table_root.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

static_assert(std::is_same_v<PageTableRoot<>, PageTableRoot<Level::pml4>>);
static_assert(!std::is_copy_constructible_v<PageTableRoot<>> &&
                  !std::is_copy_assignable_v<PageTableRoot<>>,
              "a copy would share the user's tables");

template <Level L>
concept CanBeRoot = requires {
    typename PageTableRoot<L>;
};
static_assert(CanBeRoot<Level::pml4> && CanBeRoot<Level::pml5>);
static_assert(!CanBeRoot<Level::pdpt> && !CanBeRoot<Level::pt>);

template <typename T>
class RootOf : public testing::Test {
  public:
    using TheRoot = PageTableRoot<T::value>;

    static TableIndex<T::value> index_number(std::size_t number) {
        return *TableIndex<T::value>::from(number);
    }
    /// A root with entry n = 0x1000 * (n + 1), present, in both halves.
    static void fill(TheRoot& root) {
        for (std::size_t n = 0; n < 512; ++n) {
            root.data()[n] = 0x1000 * (n + 1) | 1;
        }
    }
};
using RootLevels = testing::Types<LevelConstant<Level::pml4>, LevelConstant<Level::pml5>>;
TYPED_TEST_SUITE(RootOf, RootLevels, LevelName);

TYPED_TEST(RootOf, IsAnEmptyAlignedTable) {
    const PageTableRoot<TypeParam::value> root;
    EXPECT_EQ(sizeof(root), 4096u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&root) % 4096, 0u);
    for (std::size_t n = 0; n < 512; ++n) {
        EXPECT_EQ(root.get(TestFixture::index_number(n)).raw(), 0u);
    }
}

TYPED_TEST(RootOf, TakesTheKernelsHalfAndNoMore) {
    using Root = PageTableRoot<TypeParam::value>;
    Root kernel;
    TestFixture::fill(kernel);
    const Root root = Root::with_kernel_half_of(kernel);
    for (std::size_t n = 0; n < 512; ++n) {
        EXPECT_EQ(root.data()[n], n < 256 ? 0 : 0x1000 * (n + 1) | 1) << n;
    }
}

TYPED_TEST(RootOf, TakesTheKernelsHalfAgainAndKeepsItsOwn) {
    using Root = PageTableRoot<TypeParam::value>;
    Root kernel;
    Root root = Root::with_kernel_half_of(kernel);
    ASSERT_TRUE(root.set(TestFixture::index_number(255), Entry<TypeParam::value>(0x7007)));
    TestFixture::fill(kernel);
    root.share_kernel_half_of(kernel);
    EXPECT_EQ(root.data()[254], 0u);
    EXPECT_EQ(root.data()[255], 0x7007u);
    EXPECT_EQ(root.data()[256], 0x1000u * 257 | 1);
    EXPECT_EQ(root.data()[511], 0x1000u * 512 | 1);
}

TYPED_TEST(RootOf, ChangesEveryEntryOfTheUsersHalfAndNoneOfTheKernels) {
    using E = Entry<TypeParam::value>;
    PageTableRoot<TypeParam::value> root;
    TestFixture::fill(root);
    for (std::size_t n = 0; n < 512; ++n) {
        const auto index = TestFixture::index_number(n);
        const E old(0x1000 * (n + 1) | 1);
        const E changed(0xabc000 | 3);
        const Result<void> set = root.set(index, changed);
        const E after_set = root.get(index);
        const auto cleared = root.clear(index);
        EXPECT_EQ(root.is_kernels(index), n >= 256);
        if (n < 256) {
            EXPECT_TRUE(set.has_value());
            EXPECT_EQ(after_set, changed);
            EXPECT_EQ(*cleared, changed);
            EXPECT_EQ(root.get(index), E());
        } else {
            EXPECT_EQ(set.error().kind, ErrorKind::kernel_half);
            EXPECT_EQ(set.error(), cleared.error());
            EXPECT_EQ(root.get(index), old);
        }
    }
}

TYPED_TEST(RootOf, ARefusalNamesTheFirstAddressOfItsEntry) {
    constexpr Level level = TypeParam::value;
    PageTableRoot<TypeParam::value> root;
    const auto error_at = [&](std::size_t n) {
        return root.set(TestFixture::index_number(n), Entry<TypeParam::value>()).error();
    };
    const std::uint64_t lowest =
        level == Level::pml4 ? 0xffff'8000'0000'0000 : 0xff00'0000'0000'0000;
    const std::uint64_t highest =
        level == Level::pml4 ? 0xffff'ff80'0000'0000 : 0xffff'0000'0000'0000;
    EXPECT_EQ(error_at(256),
              (Error{.kind = ErrorKind::kernel_half, .level = level, .virt = VirtAddr(lowest)}));
    EXPECT_EQ(error_at(511).virt, VirtAddr(highest));
}

constexpr bool works_while_compiling() {
    PageTableRoot<> kernel;
    kernel.data()[300] = 0x9003;
    PageTableRoot<> root = PageTableRoot<>::with_kernel_half_of(kernel);
    constexpr auto index = TableIndex<Level::pml4>::at<1>();
    return root.set(index, Pml4e(0x5007)) && root.clear(index)->raw() == 0x5007 &&
           root.data()[300] == 0x9003;
}
static_assert(works_while_compiling());

}  // namespace
}  // namespace nestbed::paging::test
