// Deferred formatting: a guest's format string and raw arguments become text here. Neither is
// trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "shared/channel/record.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

/// The arguments of a record, with strings read from the guest.
class RecordArguments {
  public:
    /// `memory` must outlive it.
    RecordArguments(const channel::Record& record, const VirtualMemory& memory)
        : record_(record), memory_(memory) {}

    std::size_t count() const;

    /// Argument `n` in its natural form: 7, -7, true, 0xffff888000000000, "text".
    std::string show(std::size_t n) const;

    /// {fmt} formatting. A format that is malformed, does not fit the arguments or asks for absurd
    /// widths comes back as it is, with the arguments behind it and why.
    std::string format(const std::string& format) const;

  private:
    using Argument = std::variant<std::uint64_t, std::int64_t, bool, const void*, std::string>;
    Argument argument(std::size_t n) const;

    const channel::Record& record_;
    const VirtualMemory& memory_;
};

}  // namespace nestbed::vmm
