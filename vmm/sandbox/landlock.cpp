#include "vmm/sandbox/landlock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

/// struct landlock_ruleset_attr, which headers of different age know different parts of.
struct RulesetAttributes {
    std::uint64_t handled_access_fs = 0;
    std::uint64_t handled_access_net = 0;
    std::uint64_t scoped = 0;
};

constexpr std::uint64_t first_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

/// How many rights each version knows, from 1 on; the last is for all that come later.
struct Rights {
    unsigned fs;
    unsigned net;
    unsigned scopes;
};
constexpr std::array<Rights, 7> rights{{
    {13, 0, 0},  // to execute, read, write, make and remove files of any kind
    {14, 0, 0},  // to move them between folders
    {15, 0, 0},  // to truncate them
    {15, 2, 0},  // to bind and connect TCP sockets
    {16, 2, 0},  // ioctls of devices that are opened afterwards
    {16, 2, 2},  // abstract sockets and signals of processes outside
    {16, 2, 2},
}};

[[noreturn]] void fail_to_close(const char* what) {
    throw_error(ErrorKind::kernel_refused, "cannot confine the process of a VM: {}: {}", what,
                std::strerror(errno));
}

}  // namespace

unsigned landlock_version() {
    constexpr unsigned ask_for_version = 1;  // LANDLOCK_CREATE_RULESET_VERSION
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_for_version);
    return version > 0 ? static_cast<unsigned>(version) : 0;
}

void close_file_system(unsigned version) {
    const Rights& known = rights.at(std::min<std::size_t>(version, rights.size()) - 1);
    const RulesetAttributes attributes{.handled_access_fs = first_bits(known.fs),
                                       .handled_access_net = first_bits(known.net),
                                       .scoped = first_bits(known.scopes)};
    // Behind the fields that a kernel does not know, it takes zeros.
    const Descriptor ruleset(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
    if (ruleset.get() < 0) {
        fail_to_close("landlock_create_ruleset");
    }
    // Without rules: none of it is allowed anywhere.
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
        fail_to_close("landlock_restrict_self");
    }
}

}  // namespace nestbed::vmm
