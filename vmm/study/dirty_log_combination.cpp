#include "vmm/study/dirty_log_combination.hpp"

#include <fmt/format.h>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

std::string DirtyLogCombination::text() const {
    return fmt::format("{}, {}, {}, {}", name_of(log), size_text(memory), counted(cpus, "vCPU"),
                       name_of(pattern));
}

}  // namespace nestbed::vmm
