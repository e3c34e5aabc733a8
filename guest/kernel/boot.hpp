// What the VMM told the guest.
#pragma once

#include "guest/kernel/constant_string.hpp"
#include "shared/channel/boot_info.hpp"

namespace nestbed::guest {

const channel::BootInfo& boot_info();

/// The value of a parameter given from outside (`--set NAME=VALUE`), or `fallback`.
std::uint64_t parameter(ConstantString name, std::uint64_t fallback);

}  // namespace nestbed::guest
