// A second implementation of walk() that is deliberately naive and shares no code with it: literal
// bit numbers, one rule of the manual after the other, no tricks. And trees to try both on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/paging/walk.hpp"

namespace nestbed::paging::test::one_stage {

using Memory = std::map<std::uint64_t, std::uint64_t>;

struct NaiveResult {
    std::string what;
    std::uint32_t error = 0;
    std::uint64_t physical = 0;
    std::vector<std::uint64_t> updated{};

    bool operator==(const NaiveResult&) const = default;
};

inline bool bit(std::uint64_t value, int number) { return (value >> number) % 2 == 1; }

inline NaiveResult naive_walk(const Memory& memory, std::uint64_t root, std::uint64_t linear,
                              const Access& access, const ControlState& state) {
    const bool user_access = access.mode == AccessMode::user;
    const bool is_write = access.type == AccessType::write;
    const bool is_fetch = access.type == AccessType::fetch;

    const int top_bit = state.la57 ? 56 : 47;
    for (int number = top_bit; number < 64; ++number) {
        if (bit(linear, number) != bit(linear, top_bit)) {
            return {.what = "non canonical"};
        }
    }

    std::uint32_t error = 0;
    if (is_write) {
        error += 2;
    }
    if (user_access) {
        error += 4;
    }
    if (is_fetch && (state.smep || state.format.nxe)) {
        error += 16;
    }

    std::vector<std::uint64_t> path;
    std::uint64_t table = root;
    int level = state.la57 ? 5 : 4;
    while (true) {
        const std::uint64_t index = (linear / (1ull << (12 + 9 * (level - 1)))) % 512;
        const auto found = memory.find(table + index * 8);
        if (found == memory.end()) {
            return {.what = "outside"};
        }
        const std::uint64_t entry = found->second;
        path.push_back(entry);
        if (!bit(entry, 0)) {
            return {.what = "fault", .error = error};
        }
        const bool large = bit(entry, 7) && (level == 2 || level == 3);
        bool reserved = false;
        for (int number = state.format.maxphyaddr; number <= 51; ++number) {
            reserved = reserved || bit(entry, number);
        }
        if (bit(entry, 63) && !state.format.nxe) {
            reserved = true;
        }
        if (level >= 4 && bit(entry, 7)) {
            reserved = true;
        }
        if (level >= 4 && bit(entry, 8) && state.format.root_global_reserved) {
            reserved = true;
        }
        if (level == 3 && bit(entry, 7) && !state.format.pages_1g) {
            reserved = true;
        }
        if (large) {
            for (int number = 13; number < (level == 3 ? 30 : 21); ++number) {
                reserved = reserved || bit(entry, number);
            }
        }
        if (reserved) {
            return {.what = "fault", .error = error + 1 + 8};
        }
        if (level == 1 || large) {
            break;
        }
        table = entry / 4096 * 4096 % (1ull << 52);
        --level;
    }

    bool writable = true;
    bool user_page = true;
    bool executable = true;
    for (const std::uint64_t entry : path) {
        writable = writable && bit(entry, 1);
        user_page = user_page && bit(entry, 2);
        executable = executable && !bit(entry, 63);
    }
    bool denied = false;
    if (user_access) {
        denied = !user_page || (is_write && !writable) || (is_fetch && !executable);
    } else {
        if (user_page && is_fetch && state.smep) {
            denied = true;
        }
        if (user_page && !is_fetch && state.smap) {
            const bool is_explicit = access.mode == AccessMode::supervisor;
            if (!(is_explicit && state.ac)) {
                denied = true;
            }
        }
        if (is_write && !writable && state.wp) {
            denied = true;
        }
        if (is_fetch && !executable) {
            denied = true;
        }
    }
    const std::uint64_t leaf = path.back();
    const unsigned key = static_cast<unsigned>(leaf >> 59) % 16;
    bool key_denied = false;
    if (!is_fetch) {
        std::optional<std::uint32_t> keys;
        if (user_page && state.pke) {
            keys = state.pkru;
        }
        if (!user_page && state.pks) {
            keys = state.pkrs;
        }
        if (keys) {
            if (bit(*keys, static_cast<int>(2 * key))) {
                key_denied = true;
            }
            if (is_write && bit(*keys, static_cast<int>(2 * key + 1)) &&
                (user_access || state.wp)) {
                key_denied = true;
            }
        }
    }
    if (key_denied) {
        return {.what = "fault", .error = error + 1 + 32};
    }
    if (denied) {
        return {.what = "fault", .error = error + 1};
    }

    const std::uint64_t size = level == 1 ? 4096ull : level == 2 ? 4096ull * 512 : 1ull << 30;
    NaiveResult result{.what = "translated",
                       .physical = leaf % (1ull << 52) / size * size + linear % size};
    for (const std::uint64_t entry : path) {
        result.updated.push_back(bit(entry, 5) ? entry : entry + 32);
    }
    if (is_write && !bit(leaf, 6)) {
        result.updated.back() += 64;
    }
    return result;
}

inline NaiveResult in_naive_terms(const WalkResult& result) {
    switch (result.outcome) {
        case WalkOutcome::non_canonical:
            return {.what = "non canonical"};
        case WalkOutcome::entry_outside_memory:
            return {.what = "outside"};
        case WalkOutcome::page_fault:
            return {.what = "fault", .error = result.error.raw()};
        case WalkOutcome::translated:
            break;
    }
    NaiveResult naive{.what = "translated", .physical = result.translation.address.raw()};
    for (const WalkStep& step : result.trace) {
        naive.updated.push_back(step.updated);
    }
    return naive;
}

/// Makes trees, accesses and control states of random numbers.
template <typename Random>
class Generator {
  public:
    explicit Generator(Random random) : random_(std::move(random)) {}

    bool one_in(unsigned n) { return random_() % n == 0; }
    std::uint64_t number() { return random_(); }

    /// Mostly what translates, since most of the rules come late in a walk.
    std::uint64_t entry(std::uint64_t next, int level) {
        std::uint64_t raw = next;
        raw |= one_in(16) ? 0 : 1;
        raw |= one_in(5) ? 0 : 2;
        raw |= one_in(4) ? 0 : 4;
        raw |= number() & 0b1'1111'0111'1000 & (level == 1 ? ~0ull : 0xeffull);
        if (level == 2 || level == 3) {
            raw |= one_in(4) ? 0x80 : 0;
            if ((raw & 0x80) != 0) {
                // The next table's address is no large frame: mostly make it one.
                raw = one_in(8) ? raw : (raw & 0xfff) | (number() & 0x1000) | 0x40'0000'0000;
            }
        } else if (level >= 4) {
            raw |= one_in(40) ? 0x80 : 0;
        }
        raw |= one_in(40) ? number() & 0x000f'ffff'ffff'f000 : 0;
        raw |= number() & (0x7ffull << 52);
        raw |= one_in(6) ? 1ull << 63 : 0;
        return raw;
    }

    ControlState state() {
        const std::uint8_t widths[] = {36, 40, 46, 48, 52};
        return {.wp = one_in(2),
                .smep = one_in(2),
                .smap = one_in(2),
                .ac = one_in(2),
                .pke = one_in(2),
                .pks = one_in(2),
                .la57 = one_in(2),
                .pkru = static_cast<std::uint32_t>(number() & number()),
                .pkrs = static_cast<std::uint32_t>(number() & number()),
                .format = {.maxphyaddr = widths[number() % 5],
                           .nxe = !one_in(4),
                           .pages_1g = !one_in(4),
                           .root_global_reserved = one_in(4)}};
    }

    Access access() {
        return {.type = static_cast<AccessType>(number() % 3),
                .mode = static_cast<AccessMode>(number() % 3)};
    }

    std::uint64_t linear(bool la57) {
        std::uint64_t address = number();
        if (!one_in(30)) {
            const unsigned unused = la57 ? 7 : 16;
            address =
                static_cast<std::uint64_t>(static_cast<std::int64_t>(address << unused) >> unused);
        }
        return address;
    }

    /// The tables for one address, in frames that follow one another from `root` on.
    Memory memory(std::uint64_t root, std::uint64_t linear, const ControlState& state) {
        Memory memory;
        std::uint64_t table = root;
        for (int level = state.la57 ? 5 : 4; level > 0; --level) {
            const std::uint64_t next = table + 0x1000;
            const std::uint64_t index = linear >> (12 + 9 * (level - 1)) & 511;
            if (!one_in(200)) {
                memory[table + 8 * index] = entry(next, level);
            }
            table = next;
        }
        return memory;
    }

  private:
    Random random_;
};

}  // namespace nestbed::paging::test::one_stage
