#include "vmm/nested/debian_kernel.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/nested/file.hpp"
#include "vmm/nested/kernel.hpp"
#include "vmm/nested/kernel_modules.hpp"
#include "vmm/nested/tool.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// Depends on the newest kernel's package.
constexpr char meta_package[] = "linux-image-cloud-amd64";

/// The package that the meta-package depends on first.
std::string newest_package() {
    std::istringstream fields(output_of({"apt-cache", "show", "--no-all-versions", meta_package}));
    constexpr std::string_view key = "Depends: ";
    for (std::string line; std::getline(fields, line);) {
        if (line.starts_with(key)) {
            return line.substr(key.size(), line.find_first_of(" ,", key.size()) - key.size());
        }
    }
    throw_error(ErrorKind::host_lacks, "apt does not say what {} depends on", meta_package);
}

std::string newest_package_or_advice() {
    try {
        return newest_package();
    } catch (const Error& error) {
        throw_error(ErrorKind::host_lacks,
                    "cannot find Debian's package {} ({}): run apt-get update, or give a kernel "
                    "and its modules with --kernel and --modules",
                    meta_package, error.what());
    }
}

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

fs::path download(const std::string& package, const fs::path& folder) {
    try {
        output_of({"apt-get", "download", "--quiet", package}, folder);
    } catch (const Error& error) {
        throw_error(ErrorKind::host_lacks,
                    "cannot download Debian's package {} ({}): without a network, give a kernel "
                    "and its modules with --kernel and --modules",
                    package, error.what());
    }
    return find_one(folder, package, ".deb");
}

std::string field_of(const fs::path& package_file, const char* field) {
    std::string value = output_of({"dpkg-deb", "--field", package_file, field});
    value.erase(value.find_last_not_of('\n') + 1);
    return value;
}

void keep_modules(const fs::path& unpacked, const fs::path& folder) {
    const ModuleFolder modules(unpacked);
    for (const char* name : {"kvm-amd", "kvm-intel"}) {
        for (const fs::path& file : modules.load_order(name)) {
            write_whole(folder / (module_name(file) + ".ko"), read_module(file));
        }
    }
}

void write_checksums(const fs::path& folder) {
    std::string sums;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        sums +=
            fmt::format("{}  {}\n", checksum_of(entry.path()), entry.path().filename().string());
    }
    write_whole(folder / kernel_checksums_file, sums);
}

}  // namespace

void fetch_debian_kernel(const fs::path& folder) {
    const fs::path file = download(newest_package_or_advice(), folder);
    const fs::path unpacked = folder / "unpacked";
    output_of({"dpkg-deb", "--extract", file, unpacked});
    fs::rename(find_one(unpacked / "boot", "vmlinuz-", ""), folder / kernel_image_file);
    keep_modules(unpacked, folder);
    write_whole(folder / kernel_package_file,
                nlohmann::ordered_json{{"package", field_of(file, "Package")},
                                       {"version", field_of(file, "Version")},
                                       {"sha256", checksum_of(file)}}
                        .dump(2) +
                    "\n");
    fs::remove(file);
    fs::remove_all(unpacked);
    write_checksums(folder);
}

DebianPackage read_package(const fs::path& folder) {
    const fs::path file = folder / kernel_package_file;
    try {
        const auto json = nlohmann::json::parse(read_whole(file));
        return {json.at("package"), json.at("version"), json.at("sha256")};
    } catch (const nlohmann::json::exception& error) {
        throw_error(ErrorKind::host_lacks, "{}: {}", file.string(), error.what());
    }
}

}  // namespace nestbed::vmm
