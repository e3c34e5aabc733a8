#include "vmm/machine/host_operations.hpp"

#include <fmt/format.h>
#include <x86intrin.h>

namespace nestbed::vmm {

namespace {

using channel::HostOperation;
using channel::HostOperationId;

bool is_known(HostOperationId id) {
    switch (id) {
        case HostOperationId::populate:
        case HostOperationId::discard:
            return true;
    }
    return false;
}

}  // namespace

std::optional<std::string> HostOperations::carry_out() {
    // Acquire and release: whoever comes next sees what this one did to the test memory.
    if (busy_.test_and_set(std::memory_order_acquire)) {
        return "two vCPUs ask for something at once";
    }
    HostOperation operation = *memory_.read<HostOperation>(request_);
    std::optional<std::string> problem = objection(operation);
    if (!problem) {
        const std::uint64_t start = __rdtsc();
        perform(operation);
        operation.cycles = __rdtsc() - start;
        static_cast<void>(memory_.write(request_, operation));
    }
    busy_.clear(std::memory_order_release);
    return problem;
}

std::optional<std::string> HostOperations::objection(const HostOperation& operation) const {
    if (!is_known(operation.id)) {
        return fmt::format("there is no operation {}", static_cast<std::uint32_t>(operation.id));
    }
    if (test_memory_ == nullptr) {
        return "this VM has no test memory";
    }
    const TestPages pages{operation.first_page, operation.pages};
    if (!test_memory_->contains(pages)) {
        return fmt::format("{} pages from page {} on are not within {} MiB of test memory",
                           pages.count, pages.first, test_memory_->size() >> 20);
    }
    return std::nullopt;
}

void HostOperations::perform(HostOperation& operation) {
    const TestPages pages{operation.first_page, operation.pages};
    int error = 0;
    switch (operation.id) {
        case HostOperationId::populate:
            error = test_memory_->populate(pages);
            break;
        case HostOperationId::discard:
            error = test_memory_->discard(pages);
            break;
    }
    operation.error = static_cast<std::uint32_t>(error);
}

}  // namespace nestbed::vmm
