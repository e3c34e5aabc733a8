// What the process of a VM may still do once its guest runs: nothing that it does not need for
// that. Whoever has broken out of a guest, into the process that runs it, finds no file, no socket,
// no other process and no further memory there (docs/hostile-inputs.md).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

namespace nestbed::vmm {

/// Off: `--no-sandbox`. A process of its own a VM has all the same.
enum class Sandbox { on, off };

/// What this host's kernel has of it. Credentials, limits and descriptors every kernel has.
struct SandboxParts {
    bool seccomp = false;   ///< system calls are filtered (seccomp(2))
    unsigned landlock = 0;  ///< version of Landlock, which closes the file system; 0: none

    bool are_all() const { return seccomp && landlock != 0; }

    bool operator==(const SandboxParts&) const = default;
};

SandboxParts find_sandbox_parts();

/// "seccomp, Landlock 7"; in words what is missing.
std::string text_of(const SandboxParts& parts);

/// Closes what the process has been given by its parent, but `kept`. Standard input, output and
/// error are /dev/null afterwards; error remains what it is in a build with sanitizers, which
/// report there. Throws Error.
void leave_descriptors(std::initializer_list<int> kept);

/// Overwrites the environment, which has the secrets of many a CI system.
void forget_environment();

/// The process dies with its parent, `parent`, and is the first to go when the host's memory runs
/// out. Throws Error.
void die_first(pid_t parent);

/// Of memory and threads that come from now on.
struct SandboxLimits {
    std::uint64_t memory = 0;   ///< bytes that it may still make writable, beside stacks
    std::uint32_t threads = 0;  ///< that it may still start, about
};

/// Confines all threads of this process, for good, with `parts`. From here on it opens nothing,
/// maps no code, starts no process and signals none but itself. Throws Error.
void confine_process(const SandboxParts& parts, const SandboxLimits& limits);

}  // namespace nestbed::vmm
