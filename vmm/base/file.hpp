// Whole files, folders for a while, and reads and writes that go on after a signal.
#pragma once

#include <sys/types.h>

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

/// All of a file, or of a pipe (/dev/stdin, what a shell makes of `<(command)`) whose writer does
/// not keep us waiting: 10 s of silence, or 60 s in all, are an error. Devices are refused. Both
/// throw an Error that names the file and the reason.
std::string read_file(const std::filesystem::path& path, ErrorKind kind = ErrorKind::io);
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
