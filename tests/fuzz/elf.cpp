// A guest's file: read whole or refused, and what is read can be laid out in memory. An input is
// such a file, or what is changed of a good one.

#include <sys/mman.h>

#include <vector>

#include "tests/fuzz/target.hpp"
#include "tests/unit/loader/elf_builder.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/platform/guest_layout.hpp"

namespace nestbed {
namespace {

/// Stacks of one page and its guard for each CPU, in the data.
vmm::test::ElfBuilder good_guest(bool has_stacks) {
    vmm::test::ElfBuilder builder;
    builder.add_test();
    if (has_stacks) {
        const std::uint64_t data = vmm::test::ElfBuilder::kernel + 0x1000;
        builder.data.p_flags |= PF_W;
        builder.add_stacks({{data}, channel::StackKind::kernel, 0x1000, 0x1000, 0x2000});
        builder.add_stacks({{data + 0x80'000}, channel::StackKind::nmi, 0x1000, 0x1000, 0x2000});
    }
    return builder;
}

std::vector<std::byte> changed_guest(fuzz::Choices& choices) {
    std::vector<std::byte> file = good_guest(choices.flag()).file();
    while (!choices.none_left()) {
        // What matters of it stands in the headers and behind the first page.
        const std::uint64_t at = choices.value<std::uint16_t>() % 0x2000;
        const auto bytes = choices.take(1 + choices.below(8));
        std::memcpy(file.data() + at, bytes.data(), bytes.size());
    }
    return file;
}

/// As a VM would have it, of 8 MiB.
void lay_out_in_memory(const vmm::ElfImage& image, std::uint32_t cpus) {
    constexpr std::uint64_t bytes = 8 << 20;
    static vmm::GuestMemory memory(vmm::map_backing({.kind = vmm::Backing::anon}, bytes));
    try {
        channel::BootInfo boot{};
        boot.cpu_count = cpus;
        static_cast<void>(vmm::lay_out(memory, image, boot, {}, 2));
    } catch (const vmm::Error&) {
        // It does not fit.
    }
    ::madvise(memory.at(0, bytes), bytes, MADV_DONTNEED);
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(elf) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    const bool is_whole = choices.flag();
    const std::vector<std::byte> file =
        is_whole ? std::vector<std::byte>(choices.rest().begin(), choices.rest().end())
                 : changed_guest(choices);
    try {
        const vmm::Guest guest("fuzz.elf", file);
        for (const vmm::GuestTest& test : guest.tests()) {
            fuzz::require(!test.suite.empty() && !test.name.empty(), "a test has a name");
            fuzz::require(test.needs.cpus >= 1 && test.needs.cpus <= channel::max_cpus,
                          "a test's needs are possible");
        }
        const vmm::ElfImage& image = guest.image();
        for (const vmm::Segment& segment : image.segments()) {
            fuzz::require(segment.contents.size() <= segment.memory_size, "segments are whole");
            static_cast<void>(image.stacks().guarded_at(segment.virtual_address));
        }
        const std::uint32_t cpus = file.size() % 2 == 0 ? 1 : channel::max_cpus;
        lay_out_in_memory(image, cpus);
    } catch (const vmm::Error&) {
        // It is no guest.
    }
}
