#include "vmm/study/walk_combination.hpp"

#include <fmt/format.h>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

const char* leaf_name(paging::PageSize size) {
    switch (size) {
        case paging::PageSize::size_4k:
            return "4k";
        case paging::PageSize::size_2m:
            return "2m";
        case paging::PageSize::size_1g:
            return "1g";
    }
    return "?";
}

std::string WalkCombination::text() const {
    return fmt::format("guest leaf {}, backing {}, working set {}, {}, {}", leaf_name(guest_leaf),
                       backing_name(backing), size_text(working_set), name_of(pattern),
                       counted(cpus, "vCPU"));
}

}  // namespace nestbed::vmm
