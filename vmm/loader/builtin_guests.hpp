// The guests inside this program: the built-in suites, each an ELF file.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace nestbed::vmm {

struct BuiltinGuest {
    std::string_view name;
    std::span<const std::byte> file;
};

std::span<const BuiltinGuest> builtin_guests();

}  // namespace nestbed::vmm
