#include "vmm/cli/confinement_options.hpp"

#include "vmm/cli/options.hpp"
#include "vmm/host/free_memory.hpp"

namespace nestbed::vmm {

Confinement ConfinementOptions::resolved() const {
    Confinement confinement{.sandbox = sandbox};
    if (memory_limit) {
        confinement.memory_limit = *memory_limit;
    } else if (const auto free = find_free_memory()) {
        constexpr std::uint64_t mib = 1 << 20;
        confinement.memory_limit = *free / 8 * 7 / mib * mib;  // the rest is the host's
    }
    return confinement;
}

void add_confinement_options(CLI::App* command, ConfinementOptions& options) {
    add_value(command, "--memory-limit", "SIZE",
              "What all VMs that run side by side may take of the host's memory\n"
              "(default: most of what is free here, by its cgroup as well)",
              [&](const std::string& text) {
                  options.memory_limit = parse_size("--memory-limit", text);
              });
    add_flag(command, "--no-sandbox",
             "Do not confine the processes that VMs run in (docs/hostile-inputs.md)",
             [&] { options.sandbox = Sandbox::off; });
}

void tell_sandbox(Sandbox sandbox, RunReport& report) {
    const SandboxParts parts = find_sandbox_parts();
    report.lacks_sandbox = sandbox == Sandbox::off || !parts.are_all();
    report.sandbox = sandbox == Sandbox::off ? "off (--no-sandbox)" : text_of(parts);
}

}  // namespace nestbed::vmm
