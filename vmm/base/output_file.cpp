#include "vmm/base/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int error) {
    throw_error(ErrorKind::io, "cannot write {}: {}", path.string(), std::strerror(error));
}

void write_or_fail(const Descriptor& file, const std::function<void(const TextSink&)>& write_to,
                   const fs::path& path) {
    constexpr std::size_t enough_for_a_call = 1 << 16;
    std::string buffer;
    const auto empty_buffer = [&] {
        if (const int error = write_all(file.get(), buffer)) {
            fail(path, error);
        }
        buffer.clear();
    };
    write_to([&](std::string_view text) {
        buffer += text;
        if (buffer.size() >= enough_for_a_call) {
            empty_buffer();
        }
    });
    empty_buffer();
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

Descriptor special_file_at(const fs::path& path) {
    // O_NONBLOCK: a named pipe that nobody reads is an error (ENXIO) instead of a wait without end.
    Descriptor file(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (file.get() < 0) {
        fail(path, errno);
    }
    ::fcntl(file.get(), F_SETFL, O_WRONLY);
    return file;
}

/// What a link leads to; it stays one.
fs::path behind_links(const fs::path& path) {
    try {
        return fs::is_symlink(path)
                   ? fs::weakly_canonical(path.parent_path() / fs::read_symlink(path))
                   : path;
    } catch (const fs::filesystem_error& error) {
        fail(path, error.code().value());
    }
}

/// What is to become the file `target`, under a hidden name of this process alone beside it; gone
/// again when this is, unless it has become that.
class TemporaryFile {
  public:
    explicit TemporaryFile(const fs::path& target)
        : target_(target),
          path_(target.parent_path() /
                fmt::format(".{}.nestbed-{}", target.filename().string(), ::getpid())),
          fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
        if (fd_.get() < 0) {
            fail(target_, errno);
        }
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }

    /// Throws Error where that cannot be, and it would be in the way of the next one.
    void remove() const {
        if (::unlink(path_.c_str()) != 0) {
            const int error = errno;
            throw_error(ErrorKind::io, "cannot write {}: cannot remove {}: {}", target_.string(),
                        path_.string(), std::strerror(error));
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    void become_target_with(const std::function<void(const TextSink&)>& write_to) {
        write_or_fail(fd_, write_to, target_);
        // On disk before it is the target: what was there instead, or beside it, may go then.
        if (::fdatasync(fd_.get()) != 0) {
            fail(target_, errno);
        }
        if (::rename(path_.c_str(), target_.c_str()) != 0) {
            fail(target_, errno);
        }
    }

  private:
    fs::path target_;
    fs::path path_;
    Descriptor fd_;
};

}  // namespace

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
    if ((special_ = standard_stream_at(path_))) {
        return;
    }
    std::error_code error;
    const fs::file_status status = fs::status(path_, error);
    if (fs::is_directory(status)) {
        fail(path_, EISDIR);
    }
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        special_ = special_file_at(path_);
        return;
    }
    path_ = behind_links(path_);
    if (fs::is_regular_file(status) && ::access(path_.c_str(), W_OK) != 0) {
        fail(path_, errno);
    }
    try {
        TemporaryFile(path_).remove();
    } catch (const Error&) {
        fs::remove(path_, error);
        throw;
    }
    fs::remove(path_, error);
    if (error == std::errc::device_or_resource_busy) {  // somebody has mounted something there
        special_ = special_file_at(path_);
        if (::ftruncate(special_->get(), 0) != 0) {
            fail(path_, errno);
        }
    } else if (error) {
        fail(path_, error.value());
    }
}

void OutputFile::write(const std::function<void(const TextSink&)>& write_to) {
    if (special_) {
        write_or_fail(*special_, write_to, path_);
    } else {
        TemporaryFile(path_).become_target_with(write_to);
    }
}

}  // namespace nestbed::vmm
