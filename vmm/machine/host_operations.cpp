#include "vmm/machine/host_operations.hpp"

#include <fmt/format.h>
#include <x86intrin.h>

#include <bit>
#include <cstring>

namespace nestbed::vmm {

namespace {

using channel::HostOperation;
using channel::HostOperationId;

bool is_known(HostOperationId id) {
    switch (id) {
        case HostOperationId::populate:
        case HostOperationId::discard:
        case HostOperationId::start_dirty_log:
        case HostOperationId::stop_dirty_log:
        case HostOperationId::collect_dirty_log:
        case HostOperationId::clear_dirty_log:
            return true;
    }
    return false;
}

bool carries_bitmap(HostOperationId id) {
    return id == HostOperationId::collect_dirty_log || id == HostOperationId::clear_dirty_log;
}

bool is_of_dirty_log(HostOperationId id) {
    return id == HostOperationId::start_dirty_log || id == HostOperationId::stop_dirty_log ||
           carries_bitmap(id);
}

/// Pages whose bits one word of a dirty bitmap holds.
constexpr std::uint64_t word_pages = 64;

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
    return is_of_dirty_log(operation.id) ? dirty_log_objection(operation) : std::nullopt;
}

std::optional<std::string> HostOperations::dirty_log_objection(
    const HostOperation& operation) const {
    if (dirty_log_ == nullptr) {
        return "this VM was made without a dirty log";
    }
    if (!carries_bitmap(operation.id)) {
        return std::nullopt;
    }
    if (!dirty_log_->is_running()) {
        return "the dirty log was not started";
    }
    if (operation.first_page % word_pages != 0 || operation.pages % word_pages != 0) {
        return fmt::format("{} pages from page {} on are not whole words of a bitmap",
                           operation.pages, operation.first_page);
    }
    if (memory_.at(operation.argument, operation.pages / 8) == nullptr) {
        return fmt::format("the bitmap at guest physical {:#x} is not within guest memory",
                           operation.argument);
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
        case HostOperationId::start_dirty_log:
            dirty_log_->start();
            break;
        case HostOperationId::stop_dirty_log:
            operation.result = dirty_log_->stop();
            break;
        case HostOperationId::collect_dirty_log:
            collect_dirty_log(operation);
            break;
        case HostOperationId::clear_dirty_log:
            clear_dirty_log(operation);
            break;
    }
    operation.error = static_cast<std::uint32_t>(error);
}

std::span<std::uint64_t> HostOperations::bitmap_of(const HostOperation& operation) {
    return std::span(bitmap_).subspan(operation.first_page / word_pages,
                                      operation.pages / word_pages);
}

void HostOperations::collect_dirty_log(HostOperation& operation) {
    dirty_log_->collect(bitmap_);
    const std::span<const std::uint64_t> bitmap = bitmap_of(operation);
    operation.result = 0;
    for (const std::uint64_t word : bitmap) {
        operation.result += static_cast<std::uint64_t>(std::popcount(word));
    }
    std::memcpy(memory_.at(operation.argument, bitmap.size_bytes()), bitmap.data(),
                bitmap.size_bytes());
}

void HostOperations::clear_dirty_log(const HostOperation& operation) {
    const std::span<std::uint64_t> bitmap = bitmap_of(operation);
    std::memcpy(bitmap.data(), memory_.at(operation.argument, bitmap.size_bytes()),
                bitmap.size_bytes());
    if (!bitmap.empty()) {
        dirty_log_->clear(operation.first_page, bitmap);
    }
}

}  // namespace nestbed::vmm
