// What the machine that this program runs in says of itself if `nestbed nested` made it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nestbed::vmm {

/// A machine emulated in software, for the results of what ran in it.
struct EmulatedMachine {
    std::string emulator;          ///< with its version
    std::string cpu_model;         ///< by the emulator's name for it
    std::string kernel_package;    ///< empty if the kernel was given by hand
    std::string package_checksum;  ///< SHA-256; empty if the kernel was given by hand
    std::string kernel_checksum;   ///< SHA-256 of the image
    std::uint32_t retries = 0;     ///< machines before this one that hung before their first result

    /// QEMU's SVM is known to deliver an interrupt twice, whatever RFLAGS.IF says (docs/errata.md).
    bool delivers_interrupts_twice() const { return emulator.starts_with("QEMU"); }
};

/// The file in that machine that says it.
inline constexpr char emulated_machine_path[] = "/nestbed/machine.json";

nlohmann::ordered_json json_of(const EmulatedMachine& machine);
std::string text_of(const EmulatedMachine& machine);
/// Throws Error(input), naming `file`, if `text` does not say it.
EmulatedMachine emulated_machine_from(std::string_view text,
                                      std::string_view file = emulated_machine_path);

/// Nothing on any other machine.
std::optional<EmulatedMachine> this_emulated_machine();

}  // namespace nestbed::vmm
