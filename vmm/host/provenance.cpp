#include "vmm/host/provenance.hpp"

#include <fmt/chrono.h>
#include <sys/utsname.h>

#include <chrono>

#include "vmm/base/kernel_file.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

std::string time_of_now() {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

}  // namespace

Provenance find_provenance(bool anonymous, const std::filesystem::path& root) {
    Provenance found;
    found.time = time_of_now();
    found.anonymous = anonymous;
    if (utsname names{}; ::uname(&names) == 0) {
        found.kernel_version = names.version;
        found.host_name = names.nodename;
    }
    found.kernel_command_line = first_line(root / "proc/cmdline");
    if (anonymous) {
        found.host_name.reset();
        // Any word of it may name the host: a disk by its UUID, an address, an agent's options.
        found.kernel_command_line.reset();
    }
    found.cores = allowed_host_cpus();
    found.cpu = find_cpu_settings(root, found.cores.value_or(std::vector<std::uint32_t>{}));
    found.cgroup = find_cgroup_limits(root);
    found.before = find_load(root);
    return found;
}

}  // namespace nestbed::vmm
