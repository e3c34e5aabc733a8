#include "vmm/nested/machine_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "vmm/base/error.hpp"
#include "vmm/base/kernel_file.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// Nobody else's folders begin like this.
constexpr char beginning[] = "nestbed-machine-";

/// Of a folder; until this goes or its process ends, nobody else gets it. Nothing if somebody has
/// it, or the folder is not there any more: whoever had it before has removed it.
Descriptor lock_of(const fs::path& folder) {
    Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    const bool is_ours = lock.get() >= 0 && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 &&
                         ::fstat(lock.get(), &status) == 0 && status.st_nlink != 0 &&
                         status.st_uid == ::geteuid();
    return is_ours ? std::move(lock) : Descriptor(-1);
}

void remove_what_was_left(const fs::path& parent) {
    for (const fs::path& entry : entries_of(parent)) {
        if (entry.filename().string().starts_with(beginning)) {
            if (const Descriptor lock = lock_of(entry); lock.get() >= 0) {
                std::error_code error;
                fs::remove_all(entry, error);
            }
        }
    }
}

}  // namespace

MachineFolder::MachineFolder() {
    std::error_code error;
    const fs::path parent = fs::temp_directory_path(error);
    if (error) {
        throw_error(ErrorKind::host_lacks, "there is no folder for temporary files (TMPDIR): {}",
                    error.message());
    }
    remove_what_was_left(parent);
    // Another process may take a folder for one that was left before its lock is there.
    while (lock_.get() < 0) {
        std::string pattern = fs::absolute(parent) / (std::string(beginning) + "XXXXXX");
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw_error(ErrorKind::io, "cannot make a folder {}: {}", pattern,
                        std::strerror(errno));
        }
        lock_ = lock_of(pattern);
        path_ = pattern;
    }
}

MachineFolder::~MachineFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
}

}  // namespace nestbed::vmm
