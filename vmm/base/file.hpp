// Whole files, folders for a while, and reads and writes that go on after a signal.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

/// Appends what there is to be read; waits if there is nothing yet. Returns how many bytes, 0 at
/// the end, or minus the errno of the failure.
ssize_t read_some(int fd, std::string& text);

/// Writes all of it. Returns the errno of the failure, or 0.
int write_all(int fd, std::string_view contents);

/// A file of more than this is none of ours: /dev/zero, or a mistake.
inline constexpr std::size_t largest_file = std::size_t{1} << 29;

/// How long a pipe is waited for: it is somebody's who may never write, or go on for ever.
struct PipePatience {
    std::chrono::milliseconds silence{10'000};
    std::chrono::milliseconds all{60'000};
};

/// All of a file, or of a pipe (/dev/stdin, what a shell makes of `<(command)`) whose writer does
/// not keep us waiting for too long. Devices are refused. Throws an Error that names the file and
/// the reason, as does the next.
std::string read_file(const std::filesystem::path& path, ErrorKind kind = ErrorKind::io,
                      const PipePatience& patience = {});
void write_file(const std::filesystem::path& path, std::string_view contents);

/// A folder that goes, with all that is in it, when this does.
class ScratchFolder {
  public:
    /// Takes over a folder that is there.
    explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
    ~ScratchFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace nestbed::vmm
