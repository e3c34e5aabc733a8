// How much memory the host has.
#pragma once

#include <sys/sysinfo.h>

#include <cstdint>
#include <optional>

namespace nestbed::vmm {

/// In bytes. The system call needs no /proc, as sysconf() does with some C libraries.
inline std::optional<std::uint64_t> host_memory() {
    struct sysinfo host {};
    return ::sysinfo(&host) == 0
               ? std::optional<std::uint64_t>(std::uint64_t{host.totalram} * host.mem_unit)
               : std::nullopt;
}

}  // namespace nestbed::vmm
