// How a guest ELF tells the host which tests it holds: an ELF note names an array of descriptors.
#pragma once

#include <cstdint>

#include "dirty_logging.hpp"
#include "pointer.hpp"
#include "runtime.hpp"

namespace nestbed::channel {

/// What a test needs of its VM.
struct TestNeeds {
    std::uint32_t cpus = 1;          ///< vCPUs, at least
    std::uint32_t ring_records = 0;  ///< capacity of each record ring, a power of two; 0: default
    std::uint64_t memory = 0;        ///< bytes of guest memory, at least; 0: default
    std::uint64_t test_memory = 0;   ///< bytes of test memory (test_memory.hpp), at least
    DirtyLogging dirty_logging{};    ///< of the test memory; skipped where KVM has none
    /// 1: what it measures counts only with a proof, which the first of its measurements has.
    std::uint64_t proof = 0;
    std::uint64_t timeout = 0;      ///< seconds, for which --timeout stands in; 0: the default
    Pointer<const char> tags = {};  ///< words with a space between them (is_tag); null: none
};

inline constexpr std::uint64_t max_test_timeout = std::uint64_t{24} * 60 * 60;

/// What `--tag` can name: lower-case letters and digits, with dashes inside ("slow", "needs-pcid").
/// A dash in front would be an exclusion there, and a comma the next tag.
constexpr bool is_tag(const char* begin, const char* end) {
    for (const char* c = begin; c != end; ++c) {
        const bool is_letter = *c >= 'a' && *c <= 'z';
        const bool may_be_inside = c != begin && c + 1 != end;
        if (!is_letter && !(c != begin && *c >= '0' && *c <= '9') &&
            !(may_be_inside && *c == '-')) {
            return false;
        }
    }
    return begin != end;
}

struct TestDescriptor {
    Pointer<const char> suite;
    Pointer<const char> name;
    Pointer<const char> file;
    Pointer<void()> body;
    std::uint64_t line;
    TestNeeds needs;
};
static_assert(sizeof(TestDescriptor) == 104);

/// The descriptor of the ELF note that makes an ELF file a nestbed guest: note name `note_name`,
/// type `note_type`.
struct GuestNote {
    std::uint32_t abi_version;
    std::uint32_t descriptor_size;  ///< sizeof(TestDescriptor) of the guest
    Pointer<const TestDescriptor> tests_begin;
    Pointer<const TestDescriptor> tests_end;
    GuestRuntime runtime;
};
static_assert(sizeof(GuestNote) == 56);

inline constexpr char note_name[8] = {'n', 'e', 's', 't', 'b', 'e', 'd', '\0'};
inline constexpr std::uint32_t note_type = 1;

}  // namespace nestbed::channel
