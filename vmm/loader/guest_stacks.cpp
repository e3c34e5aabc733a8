#include "vmm/loader/guest_stacks.hpp"

#include <algorithm>
#include <cstring>

#include "shared/channel/abi.hpp"
#include "vmm/loader/elf_image.hpp"

namespace nestbed::vmm {

namespace {

/// Of the kind, all CPUs' stacks are memory that can be written: the holes that are made into it
/// for guards are none in code.
bool is_possible(const ElfImage& image, const channel::Stacks& stacks) {
    constexpr std::uint64_t most_bytes = 1U << 28;  // an image is not larger
    constexpr std::uint64_t in_page = 4096 - 1;
    return stacks.guard_bytes < most_bytes && stacks.bytes < most_bytes && stacks.stride != 0 &&
           stacks.stride < most_bytes && stacks.guard_bytes + stacks.bytes <= stacks.stride &&
           ((stacks.first.address | stacks.guard_bytes | stacks.bytes | stacks.stride) & in_page) ==
               0 &&
           image.is_writable(stacks.first.address, (channel::max_cpus - 1) * stacks.stride +
                                                       stacks.guard_bytes + stacks.bytes);
}

GuestStack stack_of(const channel::Stacks& kind, std::uint32_t cpu) {
    const std::uint64_t guard = kind.first.address + cpu * kind.stride;
    const std::uint64_t memory = guard + kind.guard_bytes;
    return {kind.kind, cpu, {guard, memory}, {memory, memory + kind.bytes}};
}

}  // namespace

const char* name_of(channel::StackKind kind) {
    switch (kind) {
        case channel::StackKind::kernel:
            return "kernel stack";
        case channel::StackKind::from_user:
            return "stack for interrupts and exceptions of user mode";
        case channel::StackKind::nmi:
            return "NMI stack";
        case channel::StackKind::double_fault:
            return "double-fault stack";
        case channel::StackKind::user:
            return "user stack";
    }
    return "stack";
}

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
        image.require(
            is_possible(image, stacks),
            "its {} at {:#x} has an impossible place or size: rebuild the guest with this "
            "nestbed's package",
            name_of(stacks.kind), stacks.first.address);
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

std::vector<GuestStack> GuestStacks::of_cpu(std::uint32_t cpu) const {
    std::vector<GuestStack> stacks(kinds_.size());
    std::ranges::transform(kinds_, stacks.begin(),
                           [cpu](const channel::Stacks& kind) { return stack_of(kind, cpu); });
    return stacks;
}

std::optional<GuestStack> GuestStacks::guarded_at(std::uint64_t address) const {
    for (const channel::Stacks& kind : kinds_) {
        if (address < kind.first.address) {
            continue;
        }
        const std::uint64_t cpu = (address - kind.first.address) / kind.stride;
        if (cpu < channel::max_cpus) {
            const GuestStack stack = stack_of(kind, static_cast<std::uint32_t>(cpu));
            if (stack.guard.contains(address)) {
                return stack;
            }
        }
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
