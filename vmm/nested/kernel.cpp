#include "vmm/nested/kernel.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/kernel_modules.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

// What is in the folder of a kernel that was fetched, beside the modules (*.ko).
constexpr char image_file[] = "vmlinuz";
constexpr char package_file[] = "package.json";
constexpr char checksums_file[] = "SHA256SUMS";  // of all the others

/// Depends on the newest kernel's package.
constexpr char meta_package[] = "linux-image-cloud-amd64";

/// The one path in `folder` whose file name begins and ends like this.
fs::path find_one(const fs::path& folder, std::string_view begin, std::string_view end) {
    if (fs::is_directory(folder)) {
        for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().filename();
            if (name.starts_with(begin) && name.ends_with(end)) {
                return entry.path();
            }
        }
    }
    throw_error(ErrorKind::host_lacks, "there is no {}*{} in {}", begin, end, folder.string());
}

/// The file of the package that the meta-package depends on first.
fs::path download_newest(const fs::path& folder) {
    try {
        const std::string depends = word_after(
            "Depends:", output_of({"apt-cache", "show", "--no-all-versions", meta_package}));
        if (depends.empty()) {
            throw_error(ErrorKind::host_lacks, "apt does not say what it depends on");
        }
        const std::string package = depends.substr(0, depends.find(','));
        output_of({"apt-get", "download", "--quiet", package}, folder);
        return find_one(folder, package, ".deb");
    } catch (const Error& error) {
        throw_error(ErrorKind::host_lacks,
                    "cannot download Debian's newest {} ({}): run apt-get update or, without a "
                    "network, give a kernel and its modules with --kernel and --modules",
                    meta_package, error.what());
    }
}

/// Downloads the package that Debian's linux-image-cloud-amd64 stands for at the moment, and puts
/// its image and those modules that KVM needs into `folder`, which is empty.
void fetch_debian_kernel(const fs::path& folder) {
    const fs::path file = download_newest(folder);
    const fs::path unpacked = folder / "unpacked";
    output_of({"dpkg-deb", "--extract", file, unpacked});
    fs::rename(find_one(unpacked / "boot", "vmlinuz-", ""), folder / image_file);
    for (const char* name : {"kvm-amd", "kvm-intel"}) {
        for (const fs::path& module : modules_to_load(unpacked, name)) {
            write_file(folder / (module_name(module) + ".ko"), read_module(module));
        }
    }
    const auto field = [&](const char* name) {
        return last_line(output_of({"dpkg-deb", "--field", file, name}));
    };
    const nlohmann::ordered_json note{{"package", field("Package")},
                                      {"version", field("Version")},
                                      {"sha256", checksum_of(file)}};
    write_file(folder / package_file, note.dump(2) + "\n");
    fs::remove(file);
    fs::remove_all(unpacked);
    write_file(folder / checksums_file, output_of({"sh", "-c", "sha256sum -- *"}, folder));
}

/// A folder that is not there yet, and never will be unless it is complete.
void fill(const fs::path& cache, const fs::path& folder) {
    try {
        fs::create_directories(cache);
        const fs::path lock = cache / "lock";
        // Until this goes, or this process dies, nobody else has the lock.
        const Descriptor locked(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
        if (locked.get() < 0 ||
            uninterrupted([&] { return ::flock(locked.get(), LOCK_EX); }) != 0) {
            throw_error(ErrorKind::io, "cannot lock {}: {}", lock.string(), std::strerror(errno));
        }
        if (fs::exists(folder)) {
            return;  // somebody else has fetched it while we waited
        }
        const fs::path partial = cache / "kernel.partial";
        fs::remove_all(partial);  // what an earlier, interrupted one left
        fs::create_directories(partial);
        const ScratchFolder making(partial);
        fetch_debian_kernel(partial);
        fs::rename(partial, folder);
    } catch (const fs::filesystem_error& error) {
        throw_error(ErrorKind::io, "cannot keep a kernel in {}: {}", cache.string(),
                    error.code().message());
    }
}

/// Compares the files with their checksums.
void check(const fs::path& folder) {
    std::string said;
    ChildProcess sha256sum({.command = {"env", "--chdir", folder, "sha256sum", "--check", "--quiet",
                                        "--strict", checksums_file},
                            .outputs = {append_to(said), append_to(said)}});
    if (!sha256sum.read_until_end().successful()) {
        throw_error(ErrorKind::host_lacks,
                    "the kernel in {0} is damaged ({1}): remove it (rm -r {0}), and it will be "
                    "fetched again",
                    folder.string(), said.substr(0, said.find('\n')));
    }
}

}  // namespace

std::string checksum_of(const fs::path& file) {
    // Without --zero a backslash would come first if there is one in the name.
    const std::string line = output_of({"sha256sum", "--zero", "--", file});
    return line.substr(0, line.find(' '));
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
    std::error_code unseen;
    if (!fs::exists(folder, unseen)) {
        fill(folder.parent_path(), folder);
    }
    check(folder);
    const fs::path image = folder / image_file;
    const fs::path note = folder / package_file;
    try {
        const auto package = parse_json(read_file(note), note.string());
        return {image, folder,
                package.at("package").get<std::string>() + " " +
                    package.at("version").get<std::string>(),
                package.at("sha256"), checksum_of(image)};
    } catch (const nlohmann::json::exception& error) {
        throw_error(ErrorKind::host_lacks, "{}: {}", note.string(), complaint_of(error));
    }
}

}  // namespace nestbed::vmm
