// Accesses from user mode in tests of page tables, each beside what `walk()`, the library's model
// of the processor, says of it.
#pragma once

#include <cstdint>

#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/paging/walk.hpp"

namespace nestbed::guest {

inline constexpr paging::Flags user_data(paging::Permission::read | paging::Permission::write |
                                         paging::Permission::user);
inline constexpr paging::Flags user_read_only(paging::Permission::read | paging::Permission::user);

// Not inline: a function that is may not share its section with the suite's own user code.
[[maybe_unused]] GUEST_USER static std::uint64_t read_user(std::uint64_t address, std::uint64_t) {
    return *reinterpret_cast<volatile std::uint64_t*>(address);
}

[[maybe_unused]] GUEST_USER static std::uint64_t write_user(std::uint64_t address,
                                                            std::uint64_t value) {
    *reinterpret_cast<volatile std::uint64_t*>(address) = value;
    return 0;
}

/// A frame whose first word is `word`.
inline paging::Frame4k frame_with(std::uint64_t word) {
    const auto frame = frames().allocate_zeroed();
    GUEST_REQUIRE(frame.has_value());
    *in_direct_map(frame->address()) = word;
    return *frame;
}

inline paging::Frame2m large_frame() {
    const auto frame = frames().allocate_zeroed_2m();
    GUEST_REQUIRE(frame.has_value());
    return *frame;
}

/// What the processor must do, by the model.
inline paging::WalkResult model(AddressSpace& space, std::uint64_t address, paging::AccessType type,
                                paging::AccessMode mode) {
    return paging::walk(paging::WindowReader{DirectMapWindow{}}, space.id().root, address,
                        {.type = type, .mode = mode}, {.format = space.mapper().settings().format});
}

inline void expect_user_fault(AddressSpace& space, const UserResult& result, std::uint64_t address,
                              paging::AccessType type, std::uint32_t error_code) {
    GUEST_EXPECT(!result.returned);
    GUEST_EXPECT_EQ(result.trap.vector(), static_cast<std::uint8_t>(arch::Exception::page_fault));
    GUEST_EXPECT_EQ(result.trap.cr2, address);
    GUEST_EXPECT_EQ(result.trap.frame.error_code, std::uint64_t{error_code});
    const paging::WalkResult predicted = model(space, address, type, paging::AccessMode::user);
    GUEST_EXPECT_EQ(predicted.outcome, paging::WalkOutcome::page_fault);
    GUEST_EXPECT_EQ(predicted.error.raw(), error_code);
}

inline void expect_user_reads(AddressSpace& space, std::uint64_t address, std::uint64_t word) {
    const UserResult result = run_user(read_user, address);
    GUEST_EXPECT(result.returned);
    GUEST_EXPECT_EQ(result.value(), word);
    const paging::WalkResult predicted =
        model(space, address, paging::AccessType::read, paging::AccessMode::user);
    GUEST_REQUIRE(predicted.outcome == paging::WalkOutcome::translated);
    GUEST_EXPECT_EQ(*in_direct_map(predicted.translation.address), word);
}

template <typename T>
void expect_ok(const paging::Result<T>& result) {
    GUEST_REQUIRE(result.has_value());
}

}  // namespace nestbed::guest
