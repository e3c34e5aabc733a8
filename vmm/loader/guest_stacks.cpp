#include "vmm/loader/guest_stacks.hpp"

#include <algorithm>
#include <cstring>

#include "shared/channel/abi.hpp"
#include "vmm/loader/elf_image.hpp"

namespace nestbed::vmm {

namespace {

void require_possible(const ElfImage& image, const channel::Stacks& stacks) {
    constexpr std::uint64_t most_bytes = 1U << 28;  // an image is not larger
    constexpr std::uint64_t in_page = 4096 - 1;
    const bool is_possible =
        stacks.guard_bytes < most_bytes && stacks.bytes < most_bytes && stacks.stride != 0 &&
        stacks.stride < most_bytes && stacks.guard_bytes + stacks.bytes <= stacks.stride &&
        stacks.first.address <= ~std::uint64_t{0} - channel::max_cpus * stacks.stride &&
        ((stacks.first.address | stacks.guard_bytes | stacks.bytes | stacks.stride) & in_page) == 0;
    image.require(is_possible, "its stacks at {:#x} have an impossible place or size",
                  stacks.first.address);
}

GuestStack stack_of(const channel::Stacks& kind, std::uint32_t cpu) {
    const std::uint64_t guard = kind.first.address + cpu * kind.stride;
    const std::uint64_t memory = guard + kind.guard_bytes;
    return {kind.kind, cpu, {guard, memory}, {memory, memory + kind.bytes}};
}

}  // namespace

GuestStacks::GuestStacks(const ElfImage& image) {
    const channel::GuestRuntime& runtime = image.note().runtime;
    image.require(runtime.stack_kinds <= channel::max_stack_kinds,
                  "{} kinds of stacks; {} are possible", runtime.stack_kinds,
                  channel::max_stack_kinds);
    const auto table = image.contents_from(runtime.stacks.address);
    image.require(table.size() >= runtime.stack_kinds * sizeof(channel::Stacks),
                  "the table of its stacks is outside its segments");
    for (std::uint64_t n = 0; n < runtime.stack_kinds; ++n) {
        channel::Stacks& stacks = kinds_.emplace_back();
        std::memcpy(&stacks, table.data() + n * sizeof stacks, sizeof stacks);
        require_possible(image, stacks);
    }
}

std::vector<AddressRange> GuestStacks::unmapped(std::uint32_t cpus) const {
    std::vector<AddressRange> ranges;
    for (const channel::Stacks& kind : kinds_) {
        for (std::uint32_t cpu = 0; cpu < channel::max_cpus; ++cpu) {
            const GuestStack stack = stack_of(kind, cpu);
            ranges.push_back({stack.guard.begin, cpu < cpus ? stack.guard.end : stack.memory.end});
        }
    }
    std::ranges::sort(ranges, {}, &AddressRange::begin);
    std::vector<AddressRange> merged;
    for (const AddressRange& range : ranges) {
        if (!merged.empty() && merged.back().end >= range.begin) {
            merged.back().end = std::max(merged.back().end, range.end);
        } else {
            merged.push_back(range);
        }
    }
    return merged;
}

std::optional<GuestStack> GuestStacks::guarded_at(std::uint64_t address) const {
    for (const channel::Stacks& kind : kinds_) {
        const std::uint64_t cpu = (address - kind.first.address) / kind.stride;
        if (address >= kind.first.address && cpu < channel::max_cpus) {
            const GuestStack stack = stack_of(kind, static_cast<std::uint32_t>(cpu));
            if (stack.guard.contains(address)) {
                return stack;
            }
        }
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
