// Where code is that RIP is an offset in, and how the processor reads it.
#pragma once

#include <cstdint>

namespace nestbed::vmm {

/// By L and D of the code segment (SDM Vol. 3A 3.4.5 "Segment Descriptors"), in bits.
enum class CodeSize : std::uint8_t { bits_16 = 16, bits_32 = 32, bits_64 = 64 };

struct CodeSegment {
    CodeSize size = CodeSize::bits_64;
    std::uint64_t base = 0;  ///< of no effect on 64-bit code

    std::uint64_t linear(std::uint64_t offset) const {
        switch (size) {
            case CodeSize::bits_16:
                return static_cast<std::uint32_t>(base + static_cast<std::uint16_t>(offset));
            case CodeSize::bits_32:
                return static_cast<std::uint32_t>(base + offset);
            case CodeSize::bits_64:
                break;
        }
        return offset;
    }
};

}  // namespace nestbed::vmm
