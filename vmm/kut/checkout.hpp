// A checkout of kvm-unit-tests that has been built: its tests, and what its own run_tests.sh would
// have each of them run with, or why it would not run it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vmm/loader/guest.hpp"
#include "vmm/loader/pc_settings.hpp"

namespace nestbed::vmm {

struct KutTest {
    std::string name;
    std::vector<std::string> groups = {};
    std::filesystem::path file = {};
    PcSettings pc{};
    std::chrono::milliseconds timeout{};     ///< 0: none
    std::string skip_reason = {};            ///< empty: it is to be run
    std::vector<std::string> warnings = {};  ///< each with the word "warning" in it
};

/// run_tests.sh's options, and what it asks the host.
struct KutOptions {
    std::string group = {};           ///< only tests of this group, also those to be run by hand
    bool all = false;                 ///< also tests to be run by hand, and those errata guard
    std::uint32_t max_smp = 1;        ///< $MAX_SMP
    std::string kernel_release = {};  ///< `uname -r`
};

/// As they are on this host, now.
KutOptions kut_options_of_host();

/// In the order of the list. Throws Error(usage) if there is no such group, Error(input) if
/// `folder` is no checkout, or one of another architecture.
std::vector<KutTest> tests_of_checkout(const std::filesystem::path& folder,
                                       const KutOptions& options);

/// The test kut.NAME.
GuestTest guest_test_of(const KutTest& test);

}  // namespace nestbed::vmm
