// A guest of a few bytes of machine code.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "shared/channel/ports.hpp"
#include "tests/unit/loader/elf_builder.hpp"

namespace nestbed::vmm::test {

/// A guest that writes to ports, one write after the other, and does nothing else.
class PortWriter {
  public:
    PortWriter& write(std::uint16_t to, std::uint32_t value) {
        append({0xBA});  // mov edx, imm32
        append_number(to);
        append({0xB8});  // mov eax, imm32
        append_number(value);
        append({0xEF});  // out dx, eax
        return *this;
    }
    PortWriter& mark(channel::RegionMark value) {
        return write(channel::port::statistics, static_cast<std::uint32_t>(value));
    }

    /// The guest's ELF file.
    std::vector<std::byte> file() const {
        std::vector<std::byte> bytes = ElfBuilder().file();
        EXPECT_LE(code_.size(), std::size_t{ElfBuilder::note_at});
        std::ranges::copy(code_, bytes.begin() + page_size);
        return bytes;
    }

  private:
    void append(std::initializer_list<unsigned char> code) {
        for (const unsigned char byte : code) {
            code_.push_back(std::byte{byte});
        }
    }
    void append_number(std::uint32_t number) {
        for (int n = 0; n < 4; ++n, number >>= 8) {
            code_.push_back(static_cast<std::byte>(number));
        }
    }

    std::vector<std::byte> code_;
};

}  // namespace nestbed::vmm::test
