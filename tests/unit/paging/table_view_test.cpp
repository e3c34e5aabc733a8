#include "shared/paging/table_view.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

/// Physical memory of one table, at `address`.
template <typename Entries>
struct OneTable {
    static constexpr std::uint64_t address = 0x7000;
    Entries* entries;

    constexpr Entries* operator()(Frame4k table) const {
        return table.address() == PhysAddr(address) ? entries : nullptr;
    }
};
using Window = OneTable<std::uint64_t>;
using ConstWindow = OneTable<const std::uint64_t>;
static_assert(TableWindow<Window> && !TableWindow<ConstWindow>);
static_assert(ReadableTableWindow<Window> && ReadableTableWindow<ConstWindow>);

// A misuse that the types catch: none of these may compile.
template <typename W, Level L>
concept Descends = requires(W window, Entry<L> entry) {
    descend(window, entry);
};
template <typename W, Level L>
concept DescendsConst = requires(W window, Entry<L> entry) {
    descend_const(window, entry);
};
template <typename View, Level L>
concept CanChange = requires(View view, TableIndex<L> index, Entry<L> entry) {
    view.set(index, entry);
}
|| requires(View view, TableIndex<L> index, Entry<L> entry) { view.exchange(index, entry); };
static_assert(Descends<Window, Level::pd> && DescendsConst<ConstWindow, Level::pd>);
static_assert(!Descends<Window, Level::pt> && !DescendsConst<Window, Level::pt>,
              "there is nothing below a PT");
static_assert(!Descends<ConstWindow, Level::pd>, "entries to look at only cannot be changed");
static_assert(CanChange<TableView<Level::pt>, Level::pt>);
static_assert(!CanChange<ConstTableView<Level::pt>, Level::pt>);
static_assert(!CanChange<TableView<Level::pd>, Level::pt>);
static_assert(!std::is_convertible_v<ConstTableView<Level::pt>, TableView<Level::pt>>);

template <typename T>
class ViewOf : public testing::Test {};
TYPED_TEST_SUITE(ViewOf, AllLevels, LevelName);

TYPED_TEST(ViewOf, ReadsAndWritesTheTableItself) {
    constexpr Level level = TypeParam::value;
    using E = Entry<level>;
    constexpr auto index = TableIndex<level>::template at<300>();
    Table<level> table;
    const TableView<level> view(table);
    const ConstTableView<level> only_looks = view;
    view.set(index, E(0x1001));
    EXPECT_EQ(table.data()[300], 0x1001u);
    EXPECT_EQ(view.get(index), E(0x1001));
    EXPECT_EQ(only_looks.get(index), E(0x1001));
    table.data()[300] |= 0x20;
    EXPECT_EQ(view.exchange(index, E(0x2003)), E(0x1021)) << "what the processor set in between";
    EXPECT_EQ(table.data()[300], 0x2003u);
    EXPECT_EQ(view.clear(index), E(0x2003));
    EXPECT_EQ(table.data()[300], 0u);
    EXPECT_EQ(ConstTableView<level>(table).get(index), E());
}

template <typename T>
class DescendFrom : public testing::Test {
  public:
    static constexpr Level level = T::value;
    static constexpr Level next_level = below(level);
    using EntryOfLevel = Entry<level>;

    /// Both ways down fail alike.
    static void fails(EntryOfLevel entry, const Error& expected) {
        Table<next_level> table;
        EXPECT_EQ(descend(Window{table.data()}, entry).error(), expected);
        EXPECT_EQ(descend_const(Window{table.data()}, entry).error(), expected);
        EXPECT_EQ(descend_const(ConstWindow{table.data()}, entry).error(), expected);
    }
};
TYPED_TEST_SUITE(DescendFrom, TableLevels, LevelName);

TYPED_TEST(DescendFrom, ReachesTheTableBelow) {
    constexpr Level next = TestFixture::next_level;
    using E = typename TestFixture::EntryOfLevel;
    constexpr auto index = TableIndex<next>::template at<511>();
    Table<next> table;
    const E entry = E::table(Frame4k::at<Window::address>());

    const Result<TableView<next>> view = descend(Window{table.data()}, entry);
    view->set(index, Entry<next>(0x3007));
    EXPECT_EQ(table.get(index).raw(), 0x3007u);

    const Result<ConstTableView<next>> seen = descend_const(ConstWindow{table.data()}, entry);
    EXPECT_EQ(seen->get(index).raw(), 0x3007u);
    EXPECT_EQ(descend_const(Window{table.data()}, entry)->get(index).raw(), 0x3007u);
}

TYPED_TEST(DescendFrom, AnEntryThatIsNotPresentLeadsNowhere) {
    TestFixture::fails(typename TestFixture::EntryOfLevel(Window::address | 0xe),
                       {.kind = ErrorKind::not_exist, .level = TestFixture::level});
}

TYPED_TEST(DescendFrom, ATableOutsideTheWindowIsNamed) {
    TestFixture::fails(typename TestFixture::EntryOfLevel(0x8001),
                       {.kind = ErrorKind::not_addressable,
                        .level = TestFixture::next_level,
                        .phys = PhysAddr(0x8000)});
}

TYPED_TEST(DescendFrom, APsEntryIsALeafOrMalformed) {
    const typename TestFixture::EntryOfLevel entry(0x4000'1081);
    if (can_be_leaf(TestFixture::level)) {
        TestFixture::fails(entry, {.kind = ErrorKind::unexpected_leaf,
                                   .level = TestFixture::level,
                                   .phys = PhysAddr(0x4000'0000)});
    } else {
        TestFixture::fails(entry, {.kind = ErrorKind::malformed, .level = TestFixture::level});
    }
}

constexpr bool works_while_compiling() {
    Table<Level::pt> table;
    constexpr auto index = TableIndex<Level::pt>::at<1>();
    const auto view = descend(Window{table.data()}, Pde::table(Frame4k::at<Window::address>()));
    view->set(index, Pte(0x5001));
    return ConstTableView<Level::pt>(table).get(index).raw() == 0x5001 &&
           view->clear(index).raw() == 0x5001;
}
static_assert(works_while_compiling());

}  // namespace
}  // namespace nestbed::paging::test
