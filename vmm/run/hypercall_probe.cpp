#include "vmm/run/hypercall_probe.hpp"

#include <chrono>

#include "vmm/run/guest_set.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

bool hypercalls_come_back(const kvm::System& system, const std::stop_token& stop) {
    const Guest guest = read_builtin("measure_shootdown");
    TestSettings settings;
    settings.cpus = 1;
    settings.timeout = std::chrono::seconds(2);
    return run_test(system, guest, guest.test_named("hypercall"), settings, stop).verdict ==
           Verdict::passed;
}

}  // namespace nestbed::vmm
