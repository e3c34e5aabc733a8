// Where an emulator's files are, if it needs any.
#pragma once

#include <filesystem>

#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

/// A folder for temporary files that goes, with all that is in it, when this does. A process that
/// is killed leaves its own: the next one removes it. Which of them have an owner says a lock on
/// each.
class MachineFolder {
  public:
    /// In the folder TMPDIR. Throws an Error.
    MachineFolder();
    ~MachineFolder();
    MachineFolder(const MachineFolder&) = delete;
    MachineFolder& operator=(const MachineFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    Descriptor lock_{-1};
};

}  // namespace nestbed::vmm
