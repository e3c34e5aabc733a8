#include "vmm/base/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int error) {
    throw_error(ErrorKind::io, "cannot write {}: {}", path.string(), std::strerror(error));
}

/// A descriptor of our standard output or error, if that is what `path` names (/dev/stdout): even
/// if it is a regular file, what was written to it must not be replaced.
std::optional<Descriptor> standard_stream_at(const fs::path& path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) {
        return std::nullopt;
    }
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat open_file {};
        if (::fstat(stream, &open_file) == 0 && open_file.st_dev == file.st_dev &&
            open_file.st_ino == file.st_ino) {
            return Descriptor(::dup(stream));
        }
    }
    return std::nullopt;
}

/// A file that is not there yet; gone again when this is, unless it was renamed.
class TemporaryFile {
  public:
    explicit TemporaryFile(fs::path path)
        : path_(std::move(path)),
          fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)),
          error_(fd_.get() < 0 ? errno : 0) {}
    ~TemporaryFile() {
        if (fd_.get() >= 0) {
            ::unlink(path_.c_str());
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    /// The errno with which it could not be created, or 0.
    int error() const { return error_; }
    int write(std::string_view contents) { return write_all(fd_.get(), contents); }
    int rename_to(const fs::path& name) {
        return ::rename(path_.c_str(), name.c_str()) != 0 ? errno : 0;
    }

  private:
    fs::path path_;
    Descriptor fd_;
    int error_;
};

}  // namespace

OutputFile::OutputFile(const fs::path& path) : path_(path) {
    if ((special_ = standard_stream_at(path_))) {
        return;
    }
    std::error_code error;
    const fs::file_status status = fs::status(path_, error);
    if (fs::is_directory(status)) {
        fail(path_, EISDIR);
    }
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        open_special();
        return;
    }
    if (fs::is_symlink(path_)) {  // stays one
        path_ = fs::weakly_canonical(path_.parent_path() / fs::read_symlink(path_));
    }
    if (fs::is_regular_file(status)) {
        if (::access(path_.c_str(), W_OK) != 0) {
            fail(path, errno);
        }
    }
    if (const int create_error = TemporaryFile(temporary()).error()) {
        fail(path, create_error);
    }
    fs::remove(path_);
}

void OutputFile::open_special() {
    // O_NONBLOCK: a named pipe that nobody reads is an error (ENXIO) instead of a wait without end.
    special_.emplace(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (special_->get() < 0) {
        fail(path_, errno);
    }
    ::fcntl(special_->get(), F_SETFL, O_WRONLY);
}

fs::path OutputFile::temporary() const {
    // Hidden, and of this process alone.
    return path_.parent_path() /
           fmt::format(".{}.nestbed-{}", path_.filename().string(), ::getpid());
}

void OutputFile::write(std::string_view contents) {
    if (special_) {
        if (const int error = write_all(special_->get(), contents)) {
            fail(path_, error);
        }
        return;
    }
    TemporaryFile file(temporary());
    int error = file.error();
    if (error == 0) {
        error = file.write(contents);
    }
    if (error == 0) {
        error = file.rename_to(path_);
    }
    if (error != 0) {
        fail(path_, error);
    }
}

}  // namespace nestbed::vmm
