// What the VMM told the guest.
#pragma once

#include "shared/channel/boot_info.hpp"

namespace nestbed::guest {

const channel::BootInfo& boot_info();

/// The value of a parameter given from outside (`--set NAME=VALUE`), or `fallback`. The name is a
/// string literal.
std::uint64_t parameter(const char* name, std::uint64_t fallback);

}  // namespace nestbed::guest
