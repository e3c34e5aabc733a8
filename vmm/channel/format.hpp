// Deferred formatting: a guest's format string and raw arguments become text here. Neither is
// trusted.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "shared/channel/record.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

/// An argument of a record; a string is read from the guest.
using Argument = std::variant<std::uint64_t, std::int64_t, bool, const void*, std::string>;

std::vector<Argument> arguments_of(const channel::Record& record, const VirtualMemory& memory);

/// In its natural form: 7, -7, true, 0xffff888000000000, "text".
std::string show(const Argument& argument);

/// {fmt} formatting of what shared/channel/format_string.hpp takes. Any other format, which a
/// compiler would have refused, comes back as it is, with the arguments behind it and why.
std::string format(const std::string& format, const std::vector<Argument>& arguments);

}  // namespace nestbed::vmm
