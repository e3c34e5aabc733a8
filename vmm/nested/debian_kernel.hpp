// Debian's kernel for clouds, taken from its package without installing that.
#pragma once

#include <filesystem>
#include <string>

namespace nestbed::vmm {

struct DebianPackage {
    std::string name;
    std::string version;
    std::string checksum;  ///< SHA-256 of the package's file
};

/// What is in the folder that fetch_debian_kernel fills, beside the modules (*.ko).
inline constexpr char kernel_image_file[] = "vmlinuz";
inline constexpr char kernel_package_file[] = "package.json";
inline constexpr char kernel_checksums_file[] = "SHA256SUMS";  ///< of all the others

/// Downloads the package that Debian's linux-image-cloud-amd64 stands for at the moment, and puts
/// its image and those modules that KVM needs into `folder`, which is empty. Throws Error(no_kvm),
/// saying what to do without apt or a network.
void fetch_debian_kernel(const std::filesystem::path& folder);

/// What fetch_debian_kernel noted. Throws Error(no_kvm).
DebianPackage read_package(const std::filesystem::path& folder);

}  // namespace nestbed::vmm
