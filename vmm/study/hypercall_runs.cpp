#include "vmm/study/hypercall_runs.hpp"

#include <algorithm>
#include <iterator>

#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

std::vector<std::string> hypercall_kinds() {
    const Guest guest = read_builtin(hypercall_guest);
    std::vector<std::string> kinds;
    std::ranges::transform(guest.tests(), std::back_inserter(kinds), &GuestTest::name);
    return kinds;
}

TestSettings hypercall_settings(const HypercallSampling& sampling) {
    TestSettings settings;
    settings.backing = sampling.backing;
    settings.timeout = sampling.timeout;
    settings.placement = sampling.placement;
    settings.statistics = true;
    settings.exitless_calls = true;
    settings.parameters = {{"samples", sampling.samples}};
    return settings;
}

bool wants_hypercalls(const std::string& kind) { return kind == "vmcall"; }

}  // namespace nestbed::vmm
