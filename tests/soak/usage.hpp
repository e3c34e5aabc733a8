// What a process holds of the things that a long run must not hold more and more of.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace nestbed::test {

struct Usage {
    std::uint64_t memory = 0;  ///< bytes: private memory, or of this process its heap alone
    std::uint64_t descriptors = 0;
    std::uint64_t threads = 0;
    std::uint64_t children = 0;  ///< those that nobody has waited for among them
};

/// Nothing once it has ended.
std::optional<Usage> usage_of(pid_t process);

/// Its memory is what is allocated, to the byte.
Usage usage_of_this_process();

/// Fails unless the last tenth has at no moment more than the second tenth had, but for `memory`
/// bytes. The first one is a warm-up, which may have needed more.
void expect_flat(const std::vector<Usage>& samples, std::uint64_t memory);

}  // namespace nestbed::test
