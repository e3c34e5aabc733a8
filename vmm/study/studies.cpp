// The studies that there are, each described in a file of its own.
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

Study dirty_log_study();
Study shootdown_study();
Study soak_study();
Study crossover_study();
Study fault_study();
Study walk_study();
Study hypercall_study();

const std::vector<Study>& studies() {
    static const std::vector<Study> all{
        dirty_log_study(), shootdown_study(), soak_study(),      crossover_study(),
        fault_study(),     walk_study(),      hypercall_study(),
    };
    return all;
}

}  // namespace nestbed::vmm
