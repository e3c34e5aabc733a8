// What kvm-unit-tests' guests are told of the host they run on, in the file that its scripts make
// for -initrd: the kernel's version, and which errata it has the fixes of.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace nestbed::vmm {

inline constexpr std::size_t largest_environment = 16U << 10;

struct KutHost {
    std::string kernel_release;  ///< `uname -r`
    std::string target = {};     ///< the checkout's, "qemu" or nothing
    bool all_errata = false;     ///< as if the kernel had the fixes of all
};

/// Lines of NAME=VALUE. `errata` is the text of the file `path`: lines of COMMIT : VERSION : …
/// Throws Error(input) that names `path` and the line.
std::string kut_environment(const KutHost& host, std::string_view errata,
                            const std::filesystem::path& path);

}  // namespace nestbed::vmm
