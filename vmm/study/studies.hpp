// The studies that there are, each described in a file of its own.
#pragma once

#include "vmm/study/study.hpp"

namespace nestbed::vmm {

Study dirty_log_study();
Study shootdown_study();
Study soak_study();
Study crossover_study();
Study fault_study();
Study walk_study();
Study hypercall_study();

}  // namespace nestbed::vmm
