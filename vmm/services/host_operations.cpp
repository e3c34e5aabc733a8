#include "vmm/services/host_operations.hpp"

#include <fmt/format.h>
#include <x86intrin.h>

#include <bit>
#include <cstring>

#include "shared/channel/test_memory.hpp"

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
        case HostOperationId::page_out:
        case HostOperationId::set_read_only:
        case HostOperationId::move:
        case HostOperationId::start_userfault:
        case HostOperationId::stop_userfault:
            return true;
    }
    return false;
}

bool carries_bitmap(HostOperationId id) {
    return id == HostOperationId::collect_dirty_log || id == HostOperationId::clear_dirty_log;
}

/// A place for test memory whose second-stage leaves may be of any size.
constexpr std::uint64_t place_alignment = std::uint64_t{1} << 30;
/// Pages whose bits one word of a dirty bitmap holds.
constexpr std::uint64_t word_pages = 64;

/// The only one of its flag, or none at all.
class Turn {
  public:
    // Acquire and release: whoever comes next sees what this one did to the test memory.
    explicit Turn(std::atomic_flag& taken)
        : taken_(taken), is_ours_(!taken.test_and_set(std::memory_order_acquire)) {}
    ~Turn() {
        if (is_ours_) {
            taken_.clear(std::memory_order_release);
        }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    bool is_ours() const { return is_ours_; }

  private:
    std::atomic_flag& taken_;
    bool is_ours_;
};

}  // namespace

std::optional<std::string> HostOperations::carry_out() {
    const Turn turn(busy_);
    if (!turn.is_ours()) {
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
    switch (operation.id) {
        case HostOperationId::populate:
        case HostOperationId::discard:
        case HostOperationId::page_out:
        case HostOperationId::stop_userfault:
            return std::nullopt;
        case HostOperationId::start_dirty_log:
        case HostOperationId::stop_dirty_log:
        case HostOperationId::collect_dirty_log:
        case HostOperationId::clear_dirty_log:
            return dirty_log_objection(operation);
        case HostOperationId::set_read_only:
        case HostOperationId::move:
            return slot_objection(operation);
        case HostOperationId::start_userfault:
            return userfault_objection(operation);
    }
    return std::nullopt;
}

std::optional<std::string> HostOperations::slot_objection(const HostOperation& operation) const {
    if (test_memory_->logs_writes()) {
        return "its dirty log is kept: the memslot cannot be made anew";
    }
    const std::uint64_t place = operation.argument;
    if (operation.id == HostOperationId::move &&
        (place % place_alignment != 0 || place < channel::test_memory_physical ||
         place > physical_end_ || test_memory_->size() > physical_end_ - place)) {
        return fmt::format("guest physical {:#x} is no place for test memory", place);
    }
    if (operation.id == HostOperationId::set_read_only && operation.argument > 1) {
        return fmt::format("the argument {} is neither 0 nor 1", operation.argument);
    }
    return std::nullopt;
}

std::optional<std::string> HostOperations::userfault_objection(
    const HostOperation& operation) const {
    if (userfault_ != nullptr) {
        return "the VMM brings pages in already";
    }
    if (operation.argument > static_cast<std::uint64_t>(channel::UserfaultKind::minor)) {
        return fmt::format("there is no kind {} of userfault", operation.argument);
    }
    const std::uint64_t page = page_bytes(test_memory_->memory().backing().kind) / test_page_bytes;
    if (operation.pages == 0 || operation.first_page % page != 0 || operation.pages % page != 0) {
        return fmt::format("{} pages from page {} on are not whole pages of the host's",
                           operation.pages, operation.first_page);
    }
    return std::nullopt;
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
        case HostOperationId::page_out:
            error = page_out(operation);
            break;
        case HostOperationId::set_read_only:
            test_memory_->set_read_only(operation.argument != 0);
            operation.result = test_memory_->dropped_writes();
            break;
        case HostOperationId::move:
            test_memory_->move_to(operation.argument);
            break;
        case HostOperationId::start_userfault:
            error = start_userfault(operation);
            break;
        case HostOperationId::stop_userfault:
            error = stop_userfault(operation);
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

int HostOperations::page_out(HostOperation& operation) {
    const TestPages pages{operation.first_page, operation.pages};
    const int error = test_memory_->page_out(pages, host_cpus_);
    operation.result = pages.count - test_memory_->count_resident(pages);
    return error;
}

int HostOperations::start_userfault(const HostOperation& operation) {
    const TestPages pages{operation.first_page, operation.pages};
    const auto kind = static_cast<channel::UserfaultKind>(operation.argument);
    int error = 0;
    userfault_ = Userfault::start(test_memory_->memory(),
                                  {pages.first * test_page_bytes, pages.count * test_page_bytes},
                                  kind, host_cpus_, error);
    if (userfault_ == nullptr) {
        return error;
    }
    // Only now: what is touched between the two is served by the VMM as well.
    error = kind == channel::UserfaultKind::minor ? test_memory_->drop(pages)
                                                  : test_memory_->discard(pages);
    if (error != 0) {
        userfault_.reset();
    }
    return error;
}

int HostOperations::stop_userfault(HostOperation& operation) {
    if (userfault_ == nullptr) {
        operation.result = 0;
        return 0;
    }
    const Userfault::Served served = userfault_->stop();
    userfault_.reset();
    operation.result = served.pages;
    return served.error;
}

}  // namespace nestbed::vmm
