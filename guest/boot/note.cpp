// The ELF note that makes this file a nestbed guest and names its tests.

#include "shared/channel/abi.hpp"
#include "shared/channel/test_descriptor.hpp"

namespace nestbed::guest {

extern "C" const channel::TestDescriptor guest_tests_begin[];
extern "C" const channel::TestDescriptor guest_tests_end[];

namespace {

/// ELF notes are 4-byte aligned, so the descriptor's pointers are not naturally aligned here.
struct [[gnu::packed]] Note {
    std::uint32_t name_size;
    std::uint32_t descriptor_size;
    std::uint32_t type;
    char name[sizeof(channel::note_name)];
    channel::GuestNote descriptor;
};

[[gnu::section(".note.nestbed"), gnu::used]] alignas(4) constinit const Note note{
    sizeof(channel::note_name),
    sizeof(channel::GuestNote),
    channel::note_type,
    {'n', 'e', 's', 't', 'b', 'e', 'd', '\0'},
    {channel::abi_version, sizeof(channel::TestDescriptor), guest_tests_begin, guest_tests_end}};

}  // namespace

}  // namespace nestbed::guest
