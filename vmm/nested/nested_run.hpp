// A command, of this program or another one, run in a nested machine.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <vector>

#include "vmm/base/output_file.hpp"
#include "vmm/nested/boot.hpp"
#include "vmm/nested/emulator.hpp"
#include "vmm/nested/initramfs.hpp"
#include "vmm/nested/kernel.hpp"

namespace nestbed::vmm {

/// All that is asked for.
struct NestedRequest {
    NestedSettings settings;
    std::chrono::milliseconds silence{120'000};  ///< a machine that says nothing for so long hangs
    std::optional<std::filesystem::path> cache;  ///< nothing: the default one
    std::filesystem::path kernel;                ///< empty: the one in the cache
    std::filesystem::path modules;
    NestedCommand command;
};

/// A request that can be fulfilled.
class NestedMachine {
  public:
    /// Looks for mistakes, an emulator and a kernel. Throws an Error that names what is missing.
    NestedMachine(NestedRequest request, NestedObserver& observer);

    /// Runs the command, and writes the files that it wrote.
    BootResult run(NestedObserver& observer, const std::stop_token& stop);

  private:
    NestedRequest request_;
    std::vector<OutputFile> outputs_;
    Emulator emulator_;
    NestedKernel kernel_;
};

/// Boots a machine for `command`, and once more if the first one hangs (nothing is heard of it for
/// `silence`) before the command has written anything.
BootResult run_nested(const Emulator& emulator, const NestedKernel& kernel,
                      const NestedCommand& command, std::chrono::milliseconds silence,
                      NestedObserver& observer, const std::stop_token& stop);

}  // namespace nestbed::vmm
