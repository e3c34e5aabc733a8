// What a guest finds in its memory, read as it would.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm::test {

/// Its bytes, which must be there.
inline std::string bytes_at(const GuestMemory& memory, std::uint64_t address, std::uint64_t size) {
    const std::byte* const bytes = memory.at(address, size);
    EXPECT_NE(bytes, nullptr) << address;
    return bytes == nullptr ? std::string(size, '\0')
                            : std::string(reinterpret_cast<const char*>(bytes), size);
}

/// A string that ends with a zero.
inline std::string string_at(const GuestMemory& memory, std::uint64_t address) {
    std::string text;
    while (const auto character = memory.read<char>(address + text.size())) {
        if (*character == '\0') {
            return text;
        }
        text += *character;
    }
    ADD_FAILURE() << "it does not end";
    return text;
}

template <typename T>
T value_at(const GuestMemory& memory, std::uint64_t address) {
    const auto value = memory.read<T>(address);
    EXPECT_TRUE(value) << address;
    return value.value_or(T{});
}

inline std::uint32_t u32_at(const GuestMemory& memory, std::uint64_t address) {
    return value_at<std::uint32_t>(memory, address);
}

}  // namespace nestbed::vmm::test
