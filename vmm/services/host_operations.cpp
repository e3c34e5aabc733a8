#include "vmm/services/host_operations.hpp"

#include <fmt/format.h>
#include <x86intrin.h>

#include <bit>
#include <cstring>
#include <system_error>

#include "shared/channel/ports.hpp"
#include "shared/channel/test_memory.hpp"

namespace nestbed::vmm {

namespace {

using Id = channel::HostOperationId;

/// A place for test memory whose second-stage leaves may be of any size.
constexpr std::uint64_t place_alignment = std::uint64_t{1} << 30;
/// Pages whose bits one word of a dirty bitmap holds.
constexpr std::uint64_t word_pages = 64;

TestPages pages_of(const channel::HostOperation& request) {
    return {request.first_page, request.pages};
}

}  // namespace

void HostOperations::register_in(ExitTable& exits) {
    exits.add_port(channel::port::host_operation,
                   one_at_a_time(on_call([this](const Access& access, std::uint32_t) {
                       const auto problem = carry_out();
                       return problem ? access.refuse(*problem) : Answer();
                   })));
}

std::optional<std::string> HostOperations::carry_out() {
    Request request = *memory_.read<Request>(request_);
    if (auto problem = objection(request)) {
        return problem;
    }
    const std::uint64_t start = __rdtsc();
    request.error = static_cast<std::uint32_t>(perform(request));
    request.cycles = __rdtsc() - start;
    static_cast<void>(memory_.write(request_, request));
    return std::nullopt;
}

std::optional<std::string> HostOperations::objection(const Request& request) const {
    if (test_memory_ == nullptr) {
        return "this VM has no test memory";
    }
    if (!test_memory_->contains(pages_of(request))) {
        return fmt::format("{} pages from page {} on are not within {} MiB of test memory",
                           request.pages, request.first_page, test_memory_->size() >> 20);
    }
    switch (request.id) {
        case Id::populate:
        case Id::discard:
        case Id::page_out:
        case Id::stop_userfault:
            return std::nullopt;
        case Id::start_dirty_log:
        case Id::stop_dirty_log:
            return log_objection();
        case Id::collect_dirty_log:
        case Id::clear_dirty_log:
            return bitmap_objection(request);
        case Id::set_read_only:
            return request.argument > 1
                       ? fmt::format("the argument {} is neither 0 nor 1", request.argument)
                       : slot_objection();
        case Id::move:
            return place_objection(request);
        case Id::start_userfault:
            return userfault_objection(request);
    }
    return fmt::format("there is no operation {}", static_cast<std::uint32_t>(request.id));
}

std::optional<std::string> HostOperations::slot_objection() const {
    return test_memory_->logs_writes()
               ? Objection("its dirty log is kept: the memslot cannot be made anew")
               : std::nullopt;
}

std::optional<std::string> HostOperations::place_objection(const Request& request) const {
    const std::uint64_t place = request.argument;
    if (place % place_alignment != 0 || place < channel::test_memory_physical ||
        place > physical_end_ || test_memory_->size() > physical_end_ - place) {
        return fmt::format("guest physical {:#x} is no place for test memory", place);
    }
    return slot_objection();
}

std::optional<std::string> HostOperations::userfault_objection(const Request& request) const {
    if (userfault_) {
        return "the VMM brings pages in already";
    }
    if (request.argument > static_cast<std::uint64_t>(channel::UserfaultKind::minor)) {
        return fmt::format("there is no kind {} of userfault", request.argument);
    }
    const std::uint64_t page = page_bytes(test_memory_->memory().backing().kind) / test_page_bytes;
    if (request.pages == 0 || request.first_page % page != 0 || request.pages % page != 0) {
        return fmt::format("{} pages from page {} on are not whole pages of the host's",
                           request.pages, request.first_page);
    }
    return std::nullopt;
}

std::optional<std::string> HostOperations::log_objection() const {
    return dirty_log_ == nullptr ? Objection("this VM was made without a dirty log") : std::nullopt;
}

std::optional<std::string> HostOperations::bitmap_objection(const Request& request) const {
    if (auto problem = log_objection()) {
        return problem;
    }
    if (!dirty_log_->is_running()) {
        return "the dirty log was not started";
    }
    if (request.first_page % word_pages != 0 || request.pages % word_pages != 0) {
        return fmt::format("{} pages from page {} on are not whole words of a bitmap",
                           request.pages, request.first_page);
    }
    if (memory_.at(request.argument, request.pages / 8) == nullptr) {
        return fmt::format("the bitmap at guest physical {:#x} is not within guest memory",
                           request.argument);
    }
    return std::nullopt;
}

int HostOperations::perform(Request& request) {
    switch (request.id) {
        case Id::populate:
            return test_memory_->populate(pages_of(request));
        case Id::discard:
            return test_memory_->discard(pages_of(request));
        case Id::page_out:
            return page_out(request);
        case Id::start_dirty_log:
            dirty_log_->start();
            break;
        case Id::stop_dirty_log:
            request.result = dirty_log_->stop();
            break;
        case Id::collect_dirty_log:
            collect_dirty_log(request);
            break;
        case Id::clear_dirty_log:
            clear_dirty_log(request);
            break;
        case Id::set_read_only:
            test_memory_->set_read_only(request.argument != 0);
            request.result = test_memory_->dropped_writes();
            break;
        case Id::move:
            test_memory_->move_to(request.argument);
            break;
        case Id::start_userfault:
            return start_userfault(request);
        case Id::stop_userfault:
            return stop_userfault(request);
    }
    return 0;
}

int HostOperations::page_out(Request& request) {
    const TestPages pages = pages_of(request);
    const int error = test_memory_->page_out(pages, host_cpus_);
    request.result = pages.count - test_memory_->count_resident(pages);
    return error;
}

int HostOperations::start_userfault(const Request& request) {
    const TestPages pages = pages_of(request);
    const auto kind = static_cast<channel::UserfaultKind>(request.argument);
    try {
        userfault_.emplace(
            test_memory_->memory(),
            Userfault::Range{pages.first * test_page_bytes, pages.count * test_page_bytes}, kind,
            host_cpus_);
    } catch (const std::system_error& error) {
        return error.code().value();
    }
    // Only now: what is touched between the two is served by the VMM as well.
    const int error = kind == channel::UserfaultKind::minor ? test_memory_->drop(pages)
                                                            : test_memory_->discard(pages);
    if (error != 0) {
        userfault_.reset();
    }
    return error;
}

int HostOperations::stop_userfault(Request& request) {
    const Userfault::Served served = userfault_ ? userfault_->stop() : Userfault::Served{};
    userfault_.reset();
    request.result = served.pages;
    return served.error;
}

std::span<std::uint64_t> HostOperations::bitmap_of(const Request& request) {
    return std::span(bitmap_).subspan(request.first_page / word_pages, request.pages / word_pages);
}

void HostOperations::collect_dirty_log(Request& request) {
    dirty_log_->collect(bitmap_);
    const std::span<const std::uint64_t> bitmap = bitmap_of(request);
    request.result = 0;
    for (const std::uint64_t word : bitmap) {
        request.result += static_cast<std::uint64_t>(std::popcount(word));
    }
    std::memcpy(memory_.at(request.argument, bitmap.size_bytes()), bitmap.data(),
                bitmap.size_bytes());
}

void HostOperations::clear_dirty_log(const Request& request) {
    const std::span<std::uint64_t> bitmap = bitmap_of(request);
    std::memcpy(bitmap.data(), memory_.at(request.argument, bitmap.size_bytes()),
                bitmap.size_bytes());
    if (!bitmap.empty()) {
        dirty_log_->clear(request.first_page, bitmap);
    }
}

}  // namespace nestbed::vmm
