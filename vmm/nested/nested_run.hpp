// A command, of this program or another one, run in a nested machine.
#pragma once

#include <chrono>
#include <filesystem>
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
    std::filesystem::path cache;                 ///< empty: the default one
    std::filesystem::path kernel;                ///< empty: the one in the cache
    std::filesystem::path modules;
    NestedCommand command;
};

/// A request that can be fulfilled.
struct NestedMachine {
    Emulator emulator;
    NestedKernel kernel;
    NestedCommand command;
    std::chrono::milliseconds silence;
    std::vector<OutputFile> outputs;  ///< of the command, in its order
};

/// Looks for mistakes, an emulator and a kernel. Throws an Error that names what is missing.
NestedMachine make_nested_machine(NestedRequest request, NestedObserver& observer);

/// Boots the machine, and once more if it hangs (nothing is heard of it for `silence`) before the
/// command has written anything. Then writes the files that the command wrote.
BootResult run_nested(NestedMachine& machine, NestedObserver& observer,
                      const std::stop_token& stop);

}  // namespace nestbed::vmm
