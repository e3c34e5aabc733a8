#include "vmm/nested/kernel.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/nested/debian_kernel.hpp"
#include "vmm/nested/file.hpp"
#include "vmm/nested/tool.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// Until it goes, or this process dies, nobody else has one of the same file.
class FileLock {
  public:
    explicit FileLock(const fs::path& path)
        : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
        if (file_.get() < 0 || ::flock(file_.get(), LOCK_EX) != 0) {
            throw_error(ErrorKind::io, "cannot lock {}: {}", path.string(), std::strerror(errno));
        }
    }

  private:
    Descriptor file_;
};

/// A folder that is not there yet, and never will be unless it is complete.
class FolderInTheMaking {
  public:
    /// `path` is the folder in the making; what an earlier, interrupted one left is thrown away.
    explicit FolderInTheMaking(fs::path path) : path_(std::move(path)) {
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    ~FolderInTheMaking() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    FolderInTheMaking(const FolderInTheMaking&) = delete;
    FolderInTheMaking& operator=(const FolderInTheMaking&) = delete;

    const fs::path& path() const { return path_; }
    void complete(const fs::path& name) { fs::rename(path_, name); }

  private:
    fs::path path_;
};

void fill(const fs::path& cache, const fs::path& folder) {
    try {
        fs::create_directories(cache);
        const FileLock lock(cache / "lock");
        if (fs::exists(folder)) {
            return;  // somebody else has fetched it while we waited
        }
        FolderInTheMaking making(cache / "kernel.partial");
        fetch_debian_kernel(making.path());
        making.complete(folder);
    } catch (const fs::filesystem_error& error) {
        throw_error(ErrorKind::io, "cannot keep a kernel in {}: {}", cache.string(),
                    error.code().message());
    }
}

/// What is not as its checksum says; empty: nothing. Lines are those of sha256sum.
std::string damage_in(const fs::path& folder) {
    try {
        std::istringstream lines(read_whole(folder / kernel_checksums_file));
        std::string checksum;
        std::string name;
        std::size_t files = 0;
        for (; lines >> checksum >> name; ++files) {
            if (checksum_of(folder / name) != checksum) {
                return name;
            }
        }
        return files == 0 ? std::string(kernel_checksums_file) : "";
    } catch (const Error& error) {
        return error.what();
    }
}

void check(const fs::path& folder) {
    if (const std::string damage = damage_in(folder); !damage.empty()) {
        throw_error(ErrorKind::host_lacks,
                    "the kernel in {0} is damaged ({1}): remove it (rm -r {0}), and it will be "
                    "fetched again",
                    folder.string(), damage);
    }
}

}  // namespace

std::string checksum_of(const fs::path& file) {
    const std::string line = output_of({"sha256sum", "--", file});
    // A backslash comes first if there is one in the name.
    const std::size_t begin = line.starts_with('\\') ? 1 : 0;
    return line.substr(begin, line.find(' ') - begin);
}

fs::path default_cache() {
    if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder == '/') {
        return fs::path(folder) / "nestbed";
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
        return fs::path(home) / ".cache" / "nestbed";
    }
    throw_error(ErrorKind::usage, "there is no HOME for a cache in it: use --cache");
}

NestedKernel kernel_by_hand(const fs::path& image, const fs::path& modules) {
    if (!fs::is_regular_file(image)) {
        throw_error(ErrorKind::usage, "--kernel {}: there is no such file", image.string());
    }
    if (!fs::is_directory(modules)) {
        throw_error(ErrorKind::usage, "--modules {}: there is no such folder", modules.string());
    }
    return {fs::absolute(image), modules, "", "", checksum_of(image)};
}

NestedKernel cached_kernel(const fs::path& cache) {
    const fs::path folder = fs::absolute(cache) / "kernel";
    std::error_code error;
    if (!fs::exists(folder, error)) {
        fill(folder.parent_path(), folder);
    }
    check(folder);
    const DebianPackage package = read_package(folder);
    const fs::path image = folder / kernel_image_file;
    return {image, folder, package.name + " " + package.version, package.checksum,
            checksum_of(image)};
}

}  // namespace nestbed::vmm
