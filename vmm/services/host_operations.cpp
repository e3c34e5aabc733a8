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

/// What is wrong with a request.
struct Refusal {
    std::string problem;
};

template <typename... Values>
void require(bool condition, fmt::format_string<Values...> problem, Values&&... values) {
    if (!condition) {
        throw Refusal{fmt::format(problem, std::forward<Values>(values)...)};
    }
}

}  // namespace

void HostOperations::register_in(ExitTable& exits) {
    exits.add_port(channel::port::host_operation,
                   one_at_a_time(on_call([this](const Access& access, std::uint32_t) {
                       return access.refuse(carry_out());
                   })));
}

std::optional<std::string> HostOperations::carry_out() {
    Request request = *memory_.read<Request>(request_);
    try {
        const std::uint64_t start = __rdtsc();
        request.error = static_cast<std::uint32_t>(perform(request));
        request.cycles = __rdtsc() - start;
    } catch (const Refusal& refusal) {
        return refusal.problem;
    }
    static_cast<void>(memory_.write(request_, request));
    return std::nullopt;
}

int HostOperations::perform(Request& request) {
    require(test_memory_ != nullptr, "this VM has no test memory");
    const auto pages = test_memory_->pages(request.first_page, request.pages);
    require(pages.has_value(), "{} pages from page {} on are not within {} MiB of test memory",
            request.pages, request.first_page, test_memory_->size() >> 20);
    switch (request.id) {
        case Id::populate:
            return TestMemory::populate(*pages);
        case Id::discard:
            return test_memory_->discard(*pages);
        case Id::page_out: {
            const int error = TestMemory::page_out(*pages, host_cpus_);
            request.result = request.pages - TestMemory::count_resident(*pages);
            return error;
        }
        case Id::start_dirty_log:
            dirty_log().start();
            return 0;
        case Id::stop_dirty_log:
            request.result = dirty_log().stop();
            return 0;
        case Id::collect_dirty_log:
            collect_dirty_log(request);
            return 0;
        case Id::clear_dirty_log:
            clear_dirty_log(request);
            return 0;
        case Id::set_read_only:
            set_read_only(request);
            return 0;
        case Id::move:
            move(request.argument);
            return 0;
        case Id::start_userfault:
            return start_userfault(request, *pages);
        case Id::stop_userfault:
            return stop_userfault(request);
    }
    throw Refusal{fmt::format("there is no operation {}", static_cast<std::uint32_t>(request.id))};
}

DirtyLog& HostOperations::dirty_log() const {
    require(dirty_log_ != nullptr, "this VM was made without a dirty log");
    return *dirty_log_;
}

HostOperations::Bitmaps HostOperations::bitmaps_of(const Request& request) {
    static_cast<void>(dirty_log());
    require(test_memory_->logs_writes(), "the dirty log was not started");
    require(request.first_page % word_pages == 0 && request.pages % word_pages == 0,
            "{} pages from page {} on are not whole words of a bitmap", request.pages,
            request.first_page);
    std::byte* const guests = memory_.at(request.argument, request.pages / 8);
    require(guests != nullptr, "the bitmap at guest physical {:#x} is not within guest memory",
            request.argument);
    return {std::span(bitmap_).subspan(request.first_page / word_pages, request.pages / word_pages),
            guests};
}

void HostOperations::collect_dirty_log(Request& request) {
    const auto [bitmap, guests] = bitmaps_of(request);
    dirty_log_->collect(bitmap_);
    request.result = 0;
    for (const std::uint64_t word : bitmap) {
        request.result += static_cast<std::uint64_t>(std::popcount(word));
    }
    std::memcpy(guests, bitmap.data(), bitmap.size_bytes());
}

void HostOperations::clear_dirty_log(const Request& request) {
    const auto [bitmap, guests] = bitmaps_of(request);
    std::memcpy(bitmap.data(), guests, bitmap.size_bytes());
    if (!bitmap.empty()) {
        dirty_log_->clear(request.first_page, bitmap);
    }
}

void HostOperations::require_no_log() const {
    require(!test_memory_->logs_writes(), "its dirty log is kept: the memslot cannot be made anew");
}

void HostOperations::set_read_only(Request& request) {
    require(request.argument <= 1, "the argument {} is neither 0 nor 1", request.argument);
    require_no_log();
    test_memory_->set_read_only(request.argument != 0);
    request.result = test_memory_->dropped_writes();
}

void HostOperations::move(std::uint64_t place) {
    require(place % place_alignment == 0 && place >= channel::test_memory_physical &&
                place <= physical_end_ && test_memory_->size() <= physical_end_ - place,
            "guest physical {:#x} is no place for test memory", place);
    require_no_log();
    test_memory_->move_to(place);
}

int HostOperations::start_userfault(const Request& request, TestMemory::Pages pages) {
    require(!userfault_, "the VMM brings pages in already");
    const auto kind = static_cast<channel::UserfaultKind>(request.argument);
    require(kind <= channel::UserfaultKind::minor, "there is no kind {} of userfault",
            request.argument);
    const std::uint64_t page = page_bytes(test_memory_->memory().backing().kind);
    require(!pages.empty() && request.first_page * TestMemory::page_bytes % page == 0 &&
                pages.size() % page == 0,
            "{} pages from page {} on are not whole pages of the host's", request.pages,
            request.first_page);
    try {
        userfault_.emplace(*userfault_files_, pages, page, kind, host_cpus_);
    } catch (const std::system_error& error) {
        return error.code().value();
    }
    // Only now: what is touched between the two is served by the VMM as well.
    const int error = kind == channel::UserfaultKind::minor ? TestMemory::drop(pages)
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

}  // namespace nestbed::vmm
