#include "vmm/base/table.hpp"

#include <gtest/gtest.h>

namespace nestbed::vmm {
namespace {

TEST(Table, AlignsColumns) {
    Table table({{"name", Table::Align::left}, {"n"}, {"µs"}});
    table.add_row({"a", "1", "10.5"});
    table.add_row({"longer", "100", "µ"});
    EXPECT_EQ(table.text(2),
              "  name      n    µs\n"
              "  a         1  10.5\n"
              "  longer  100     µ\n");
}

TEST(Table, GroupsStandAboveTheirColumns) {
    Table table({{"x", Table::Align::left},
                 {"min", Table::Align::right, "cycles"},
                 {"max", Table::Align::right, "cycles"},
                 {"min", Table::Align::right, "µs"}});
    table.add_row({"a", "10000", "20000", "5.00"});
    EXPECT_EQ(table.text(),
              "   -- cycles --   µs\n"
              "x    min    max   min\n"
              "a  10000  20000  5.00\n");
}

Table wide_table() {
    Table table({{.title = "key", .align = Table::Align::left, .is_key = true},
                 {"one"},
                 {"min", Table::Align::right, "cycles"},
                 {"max", Table::Align::right, "cycles"},
                 {"min", Table::Align::right, "time"},
                 {"max", Table::Align::right, "time"}});
    table.add_row({"a", "1", "10000", "20000", "5.00", "6.00"});
    return table;
}

TEST(Table, WhatFitsIsOneBlock) {
    EXPECT_EQ(wide_table().text(0, 34), wide_table().text());
    EXPECT_EQ(wide_table().text(3, 37), wide_table().text(3));
}

TEST(Table, WhatDoesNotFitIsBrokenBetweenGroups) {
    EXPECT_EQ(wide_table().text(1, 34),
              "           -- cycles --\n"
              " key  one    min    max\n"
              " a      1  10000  20000\n"
              "\n"
              "      -- time --\n"
              " key   min   max\n"
              " a    5.00  6.00\n");
}

TEST(Table, AGroupThatFitsInNoBlockIsBrokenAsWell) {
    EXPECT_EQ(wide_table().text(0, 10),
              "key  one\n"
              "a      1\n"
              "\n"
              "      cycles\n"
              "key    min\n"
              "a    10000\n"
              "\n"
              "      cycles\n"
              "key    max\n"
              "a    20000\n"
              "\n"
              "      time\n"
              "key   min\n"
              "a    5.00\n"
              "\n"
              "      time\n"
              "key   max\n"
              "a    6.00\n");
}

TEST(Table, MissingCellsAreEmptyAndNoLineEndsInSpaces) {
    Table table({{"", Table::Align::left}, {"", Table::Align::left}});
    table.add_row({"only one"});
    EXPECT_EQ(table.text(), "only one\n");
}

TEST(Table, CellsThatWrapGoOnInTheNextLine) {
    Table table = Table::of_facts();
    table.add_row({"name", "some words that go on and on, and on"});
    table.add_row({"empty", ""});
    EXPECT_EQ(table.text(2, 41),
              "  name   some words that go on and on,\n"
              "         and on\n"
              "  empty\n");
    EXPECT_EQ(table.text(2, 30),
              "  name\n"
              "    some words that go on and\n"
              "    on, and on\n"
              "  empty\n")
        << "there is more room below";
    table.add_row({"path", "/a/word/that/is/too/long/for/that/place"});
    EXPECT_EQ(table.text(2, 43),
              "  name   some words that go on and on, and\n"
              "         on\n"
              "  empty\n"
              "  path\n"
              "    /a/word/that/is/too/long/for/that/place\n");
    EXPECT_EQ(table.text(2),
              "  name   some words that go on and on, and on\n"
              "  empty\n"
              "  path   /a/word/that/is/too/long/for/that/place\n");
}

}  // namespace
}  // namespace nestbed::vmm
