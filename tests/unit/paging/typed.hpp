// Lists of levels and page sizes for typed tests: one test body, run for each.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "shared/paging/level.hpp"
#include "shared/paging/page_size.hpp"

namespace nestbed::paging::test {

template <Level L>
using LevelConstant = std::integral_constant<Level, L>;
template <PageSize Size>
using SizeConstant = std::integral_constant<PageSize, Size>;

using AllLevels =
    testing::Types<LevelConstant<Level::pt>, LevelConstant<Level::pd>, LevelConstant<Level::pdpt>,
                   LevelConstant<Level::pml4>, LevelConstant<Level::pml5>>;
using LeafLevels =
    testing::Types<LevelConstant<Level::pt>, LevelConstant<Level::pd>, LevelConstant<Level::pdpt>>;
using LargeLeafLevels = testing::Types<LevelConstant<Level::pd>, LevelConstant<Level::pdpt>>;
using TableLevels = testing::Types<LevelConstant<Level::pd>, LevelConstant<Level::pdpt>,
                                   LevelConstant<Level::pml4>, LevelConstant<Level::pml5>>;
using AllSizes = testing::Types<SizeConstant<PageSize::size_4k>, SizeConstant<PageSize::size_2m>,
                                SizeConstant<PageSize::size_1g>>;

struct LevelName {
    template <typename T>
    static std::string GetName(int) {
        constexpr const char* names[] = {"", "Pt", "Pd", "Pdpt", "Pml4", "Pml5"};
        return names[static_cast<int>(T::value)];
    }
};

struct SizeName {
    template <typename T>
    static std::string GetName(int) {
        return T::value == PageSize::size_4k ? "4K" : T::value == PageSize::size_2m ? "2M" : "1G";
    }
};

}  // namespace nestbed::paging::test
