// The software that emulates the nested machine: QEMU for AMD's virtualization, Bochs for Intel's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vmm/nested/kernel.hpp"
#include "vmm/nested/settings.hpp"
#include "vmm/nested/task.hpp"

namespace nestbed::vmm {

/// The descriptors that an emulator's process has: the other ends of the machine's serial lines.
inline constexpr int console_descriptor = 3;
inline constexpr int channel_descriptor = 4;

class Emulator {
  public:
    Emulator() = default;
    Emulator(const Emulator&) = delete;
    Emulator& operator=(const Emulator&) = delete;
    virtual ~Emulator() = default;

    /// With its version.
    virtual std::string name() const = 0;
    virtual std::string cpu_model() const = 0;
    /// KVM's module for its processors, and that module's parameters.
    virtual std::string kvm_module() const = 0;
    virtual std::string kvm_parameters() const = 0;
    /// What the module then must say of its paging.
    virtual KvmParameter expected_parameter() const = 0;
    /// Finds, in all that its process has written, why it ended; empty: it did not say.
    virtual std::string complaint_in(const std::string& said) const = 0;

    /// The command that boots `kernel` with the initramfs in the file `initramfs`; to be run in
    /// `folder`, where files that it needs besides are made. Throws Error(no_kvm).
    virtual std::vector<std::string> command(const NestedKernel& kernel,
                                             const std::filesystem::path& initramfs,
                                             const std::filesystem::path& folder) const = 0;
};

/// The emulator for these settings. Throws Error(no_kvm), saying which package brings it, if it is
/// not installed, and Error(bad_input) for settings that it has not.
std::unique_ptr<Emulator> make_emulator(const NestedSettings& settings);

/// What both add to the kernel's command line: the first process is the program itself.
std::string kernel_arguments(const NestedSettings& settings);

}  // namespace nestbed::vmm
