// How a vCPU makes physical addresses of linear ones.
#pragma once

#include <cstdint>

namespace nestbed::vmm {

/// SDM Vol. 3A 4.1.1 "Four Paging Modes". With `none` linear addresses are physical ones.
enum class PagingMode : std::uint8_t { none, bits_32, pae, four_level, five_level };

/// The modes of which the entry library has a walk.
constexpr bool is_long_mode(PagingMode mode) { return mode >= PagingMode::four_level; }

struct PagingState {
    PagingMode mode;
    std::uint64_t cr3;
    bool pse = false;  ///< CR4.PSE: 32-bit paging has 4 MiB pages

    /// Outside long mode a linear address has 32 bits, and wraps around there.
    std::uint64_t linear(std::uint64_t address) const {
        return is_long_mode(mode) ? address : static_cast<std::uint32_t>(address);
    }
};

}  // namespace nestbed::vmm
