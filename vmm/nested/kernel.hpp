// The Linux kernel that the nested machine runs: an image, and modules that fit it.
#pragma once

#include <filesystem>
#include <string>

namespace nestbed::vmm {

struct NestedKernel {
    std::filesystem::path image;
    std::filesystem::path modules;  ///< the folder in or below which they are
    std::string package;            ///< Debian's, with its version; empty for one given by hand
    std::string package_checksum;   ///< SHA-256 of the package's file; empty for one given by hand
    std::string checksum;           ///< SHA-256 of the image
};

/// A kernel given by hand. Throws Error(usage) if there are no such file and folder.
NestedKernel kernel_by_hand(const std::filesystem::path& image,
                            const std::filesystem::path& modules);

/// Where kernels are kept without --cache: $XDG_CACHE_HOME/nestbed, or else ~/.cache/nestbed.
std::filesystem::path default_cache();

/// The kernel of Debian's package for clouds, which has KVM for both vendors and boots fast:
/// fetched once into `cache`/kernel, with apt but not installed, and checked at each use. A fetch
/// that fails or is interrupted leaves nothing that would be taken for a kernel; of several at a
/// time one fetches and the others wait. Throws Error(host_lacks).
NestedKernel cached_kernel(const std::filesystem::path& cache);

/// SHA-256 in hexadecimal. Throws Error(host_lacks) if the file cannot be read.
std::string checksum_of(const std::filesystem::path& file);

}  // namespace nestbed::vmm
