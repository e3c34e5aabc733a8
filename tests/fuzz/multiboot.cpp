// A multiboot guest's file: read whole or refused, and what is read can be loaded into memory or is
// refused. An input is such a file.

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "tests/fuzz/target.hpp"
#include "vmm/base/error.hpp"
#include "vmm/loader/multiboot_image.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/pc/boot_information.hpp"

namespace nestbed {
namespace {

void check(const vmm::MultibootImage& image) {
    std::uint64_t end = 0;
    std::vector<vmm::PhysicalSegment> segments = image.segments();
    std::ranges::sort(segments, {}, &vmm::PhysicalSegment::address);
    for (const vmm::PhysicalSegment& segment : segments) {
        fuzz::require(segment.contents.size() <= segment.size, "segments are whole");
        fuzz::require(segment.address >= end, "no segment is over another one");
        end = segment.address + segment.size;
        fuzz::require(end <= std::uint64_t{1} << 32, "segments are below 4 GiB");
    }
    fuzz::require(std::ranges::any_of(segments,
                                      [&](const vmm::PhysicalSegment& segment) {
                                          return image.entry() >= segment.address &&
                                                 image.entry() <
                                                     segment.address + segment.contents.size();
                                      }),
                  "the entry point is loaded");
}

/// Of 8 MiB.
void load(const vmm::MultibootImage& image) {
    constexpr std::uint64_t bytes = 8 << 20;
    static vmm::GuestMemory memory(vmm::map_backing({.kind = vmm::Backing::anon}, bytes));
    try {
        static_cast<void>(vmm::load_multiboot(memory, image, {.environment = "A=1\n"}));
    } catch (const vmm::Error&) {
        // It does not fit.
    }
    ::madvise(memory.at(0, bytes), bytes, MADV_DONTNEED);
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(multiboot) {
    using namespace nestbed;
    try {
        const vmm::MultibootImage image("fuzz.elf", input);
        check(image);
        load(image);
    } catch (const vmm::Error&) {
        // It is no guest.
    }
}
