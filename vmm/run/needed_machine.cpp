#include "vmm/run/needed_machine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shared/channel/ring.hpp"
#include "vmm/base/text.hpp"
#include "vmm/channel/record_reader.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

/// Of memory that lies from 32 GiB on: all processors can address it, and no host has it.
constexpr std::uint64_t most_test_memory = 1ULL << 40;

/// Neither of them overflows: the parts were held against their limits before.
std::uint64_t rounded_up(std::uint64_t memory) {
    return (memory + guest_memory_granule - 1) / guest_memory_granule * guest_memory_granule;
}

/// What the page tables that map it take of the guest's own memory; a little more, for the upper
/// levels. So little of little test memory that any guest has it to spare.
std::uint64_t tables_of(const TestMemorySettings& test_memory) {
    constexpr std::uint64_t to_spare = 1 << 20;
    const std::uint64_t entries = test_memory.bytes / paging::bytes_of(test_memory.leaf);
    const std::uint64_t bytes = entries * sizeof(std::uint64_t);
    return bytes < to_spare ? 0 : bytes + bytes / 256;
}

/// What the record rings take of it; those that tests have by default, any guest has to spare.
std::uint64_t rings_of(const GuestTest& test, const TestSettings& settings) {
    constexpr std::uint64_t to_spare = 8 << 20;
    const std::uint64_t records =
        test.needs.ring_records != 0 ? test.needs.ring_records : settings.ring_records;
    const std::uint64_t bytes = cpus_of(test, settings) * channel::ring_bytes(records);
    return bytes < to_spare ? 0 : bytes;
}

struct Sizes {
    std::uint64_t guest;
    TestMemorySettings test;
};

void refuse_more(std::uint64_t bytes, std::uint64_t most, const char* what) {
    if (bytes > most) {
        throw UnmetNeed{fmt::format("it asks for {} of {}; {} are possible", size_text(bytes), what,
                                    size_text(most))};
    }
}

Sizes needed_sizes(const GuestTest& test, const TestSettings& settings) {
    const std::uint64_t guest = std::max(settings.memory, test.needs.memory);
    const std::uint64_t bytes = std::max(settings.test_memory.bytes, test.needs.test_memory);
    refuse_more(guest, most_guest_memory, "guest memory");
    refuse_more(bytes, most_test_memory, "test memory");
    const TestMemorySettings all{.bytes = rounded_up(bytes), .leaf = settings.test_memory.leaf};
    const std::uint64_t with_its_own =
        rounded_up(guest + tables_of(all) + rings_of(test, settings));
    refuse_more(with_its_own, most_guest_memory,
                "guest memory, with its rings and tables for its test memory");
    return {with_its_own, all};
}

/// Huge pages of a pool are nobody else's, used or not.
std::uint64_t taken_of_the_host(std::uint64_t bytes, const TestSettings& settings) {
    return page_bytes(settings.backing.kind) > 4096 ? 0 : bytes;
}

void refuse_more_than_all_may_have(std::uint64_t bytes, const TestSettings& settings) {
    if (bytes > settings.confinement.memory_limit) {
        throw UnmetNeed{
            fmt::format("it needs {} of memory, and all VMs together may have {} (--memory-limit)",
                        size_text(bytes), size_text(settings.confinement.memory_limit))};
    }
}

std::uint32_t possible_cpus(const GuestTest& test, const TestSettings& settings,
                            const kvm::System& system) {
    const std::uint32_t cpus = cpus_of(test, settings);
    const int most = system.extension(KVM_CAP_MAX_VCPUS);
    if (most > 0 && cpus > static_cast<std::uint32_t>(most)) {
        throw UnmetNeed{
            fmt::format("it asks for {} vCPUs: this host's KVM allows at most {}", cpus, most)};
    }
    return cpus;
}

std::uint64_t pc_memory(const GuestTest& test, const TestSettings& settings) {
    return std::max(settings.memory, test.pc->memory);
}

}  // namespace

std::uint32_t cpus_of(const GuestTest& test, const TestSettings& settings) {
    return std::max(settings.cpus, test.needs.cpus);
}

MachineSettings needed_machine(const GuestTest& test, const TestSettings& settings,
                               const kvm::System& system) {
    if (!test.impossible_need.empty()) {
        throw UnmetNeed{"it asks for " + test.impossible_need};
    }
    const Sizes sizes = needed_sizes(test, settings);
    refuse_more_than_all_may_have(taken_of_the_host(sizes.guest + sizes.test.bytes, settings),
                                  settings);
    MachineSettings result = settings;
    result.cpus = possible_cpus(test, settings, system);
    result.memory = sizes.guest;
    result.test_memory = sizes.test;
    if (test.needs.ring_records != 0) {
        result.ring_records = test.needs.ring_records;
    }
    if (result.dirty_logging.kind == channel::DirtyLogKind::none) {
        result.dirty_logging = test.needs.dirty_logging;
    }
    result.memory_report = result.memory_report || settings.inspect;
    return result;
}

PcSettings needed_pc(const GuestTest& test, const TestSettings& settings,
                     const kvm::System& system) {
    PcSettings result = *test.pc;
    result.cpus = possible_cpus(test, settings, system);
    // Such guests ask for gigabytes and touch little of them: it is not refused for want of memory.
    result.memory = pc_memory(test, settings);
    return result;
}

std::uint64_t host_memory_of(const GuestTest& test, const TestSettings& settings) {
    if (test.pc) {
        return taken_of_the_host(pc_memory(test, settings), settings);
    }
    try {
        const Sizes sizes = needed_sizes(test, settings);
        return taken_of_the_host(sizes.guest + sizes.test.bytes, settings) + most_record_bytes +
               settings.memory_of_inspection;
    } catch (const UnmetNeed&) {
        return ~std::uint64_t{0};
    }
}

std::chrono::milliseconds timeout_of(const GuestTest& test, const TestSettings& settings) {
    constexpr std::chrono::seconds by_default(10);
    const std::chrono::seconds with_a_core_each =
        test.needs.timeout == 0 ? by_default : std::chrono::seconds(test.needs.timeout);
    const std::size_t cores = usable_host_cpus().size();
    return settings.timeout.value_or(with_a_core_each *
                                     ((cpus_of(test, settings) + cores - 1) / cores));
}

void refuse_too_many_cpus(const kvm::System& system, std::uint32_t cpus) {
    const int most = system.extension(KVM_CAP_MAX_VCPUS);
    if (most > 0 && cpus > static_cast<std::uint32_t>(most)) {
        throw_error(ErrorKind::usage, "{} vCPUs: this host's KVM allows at most {}", cpus, most);
    }
}

}  // namespace nestbed::vmm
