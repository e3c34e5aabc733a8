// The software that emulates the nested machine: QEMU for AMD's virtualization, Bochs for Intel's.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/nested/init.hpp"
#include "vmm/nested/kernel.hpp"

namespace nestbed::vmm {

/// What translates guest addresses in the machine.
enum class NestedPaging { npt, shadow, ept };

/// The machine as it is asked for.
struct NestedSettings {
    NestedPaging paging = NestedPaging::npt;
    std::uint32_t cpus = 2;
    std::optional<std::uint64_t> memory;  ///< bytes; nothing: the emulator's default
    bool five_level = false;              ///< its kernel, and with it the second stage
    std::string cpu_model;                ///< empty: the emulator's default
};

/// The descriptors that an emulator's process has: the initramfs, and the other ends of the
/// machine's serial lines.
inline constexpr int initramfs_descriptor = 0;
inline constexpr int console_descriptor = 3;
inline constexpr int channel_descriptor = 4;

struct Emulator {
    std::string name;  ///< with its version
    std::string cpu_model;
    std::string kvm_module;  ///< for its processors, with that module's parameters
    std::string kvm_parameters;
    KvmParameter expected_parameter;  ///< what the module then must say of its paging
    /// Finds, in all that its process has written, why it ended; empty: it did not say.
    std::function<std::string(const std::string& said)> complaint_in;
    bool needs_folder = false;  ///< for files of its own
    /// The command that boots `kernel` with the initramfs in `initramfs`, a file of ours; to be run
    /// in `folder`, where the files that it needs besides are made. Throws an Error.
    std::function<std::vector<std::string>(const NestedKernel& kernel,
                                           const std::filesystem::path& initramfs,
                                           const std::filesystem::path& folder)>
        command;
};

/// The emulator for these settings. Throws Error(host_lacks), saying which package brings it, if it
/// is not installed, and Error(usage) for settings that it has not.
Emulator make_qemu(NestedSettings settings);
Emulator make_bochs(NestedSettings settings);

/// What both add to the kernel's command line: the first process is the program itself.
inline std::string kernel_arguments(const NestedSettings& settings) {
    // A panic ends the machine at once. No address of its own choosing, no tests of its
    // cryptography and no doubts about the timer: that is a tenth of a boot's time, and with doubts
    // Bochs's timer fails. Without no5lvl, a processor that can makes the kernel use five levels,
    // and KVM's second stage with it.
    return fmt::format(
        "console=ttyS0,115200 quiet panic=-1 nokaslr cryptomgr.notests no_timer_check "
        "{}rdinit={} -- {}",
        settings.five_level ? "" : "no5lvl ", program_path, init_command);
}

}  // namespace nestbed::vmm
