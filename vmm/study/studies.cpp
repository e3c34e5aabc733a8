#include "vmm/study/studies.hpp"

namespace nestbed::vmm {

const std::vector<Study>& studies() {
    static const std::vector<Study> all{
        dirty_log_study(), shootdown_study(), soak_study(),      crossover_study(),
        fault_study(),     walk_study(),      hypercall_study(),
    };
    return all;
}

}  // namespace nestbed::vmm
