// Machines to try walk2d() and its naive model on, and what walk2d() says in that model's terms.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "naive_walk2d.hpp"

namespace nestbed::paging::test {

inline std::string what_of(const NoSecondStage::Details&) { return "impossible"; }
inline std::string what_of(const EptWalkResult& details) {
    return details.outcome == EptWalkOutcome::misconfiguration ? "misconfiguration" : "violation";
}
inline std::string what_of(const NptDetails&) { return "npf"; }

inline std::uint64_t told_by(const NoSecondStage::Details&) { return 0; }
inline std::uint64_t told_by(const EptWalkResult& details) { return details.violation.raw(); }
inline std::uint64_t told_by(const NptDetails& details) { return details.exit_info_1; }

template <typename Details>
Naive in_naive_terms(const Walk2dResult<Details>& result) {
    Naive naive{.guest_reads = result.references.guest,
                .nested_reads = result.references.second_stage};
    const auto stop_at_last = [&](const std::string& what) {
        naive.what = what;
        naive.level = result.last.guest_level ? static_cast<int>(*result.last.guest_level) : 0;
        naive.guest_physical = result.last.guest_physical.raw();
    };
    switch (result.outcome) {
        case Walk2dOutcome::guest_non_canonical:
            naive.what = "non canonical";
            break;
        case Walk2dOutcome::guest_page_fault:
            naive.what = "guest fault";
            naive.told = result.guest.error.raw();
            break;
        case Walk2dOutcome::second_stage_fault:
            stop_at_last(what_of(result.last.result.details));
            naive.told = told_by(result.last.result.details);
            break;
        case Walk2dOutcome::outside_memory:
            stop_at_last("outside");
            break;
        case Walk2dOutcome::translated:
            naive.address = result.address.raw();
            naive.size = bytes_of(result.size);
            break;
    }
    return naive;
}

/// Makes machines, of random numbers, of which most walks come far, since most of the rules come
/// late.
template <typename Random>
class Generator {
  public:
    explicit Generator(Random random) : random_(std::move(random)) {}

    bool one_in(unsigned n) { return random_() % n == 0; }
    std::uint64_t number() { return random_(); }

    Machine machine(std::uint64_t address) {
        Machine m;
        const std::uint64_t kind = number() % 8;
        m.kind = kind == 0 ? Kind::none : kind < 5 ? Kind::ept : Kind::npt;
        m.nested_five = one_in(2);
        m.ept_flags = one_in(3);
        m.ept = {.maxphyaddr = width(),
                 .execute_only = one_in(2),
                 .pages_2m = !one_in(8),
                 .pages_1g = !one_in(8),
                 .mode_based_execute = one_in(2)};
        m.npt = {.maxphyaddr = width(),
                 .nxe = !one_in(6),
                 .pages_1g = !one_in(8),
                 .root_global_reserved = one_in(8)};
        m.guest = {.wp = one_in(2), .smep = one_in(2), .la57 = la57};
        m.guest.format = {.maxphyaddr = width(), .nxe = !one_in(6), .pages_1g = !one_in(8)};
        m.nested_root = next_table();
        m.guest_root = random_page();
        std::uint64_t table = m.guest_root;
        for (int level = la57 ? 5 : 4; level > 0; --level) {
            const std::uint64_t place = table + address / (1ull << (9 * level + 3)) % 512 * 8;
            const std::optional<std::uint64_t> host = map(m, place);
            const bool large = (level == 2 || level == 3) && one_in(5);
            table = large ? random_page() >> 30 << 30 : random_page();
            if (host && !one_in(300)) {
                m.memory.emplace_back(*host, guest_entry(table, level, large));
            }
            if (large) {
                map(m, table + address % (1ull << (9 * level + 3)));
                return m;
            }
        }
        map(m, table + address % 4096);
        return m;
    }

    Access access() {
        return {.type = static_cast<AccessType>(number() % 3),
                .mode = static_cast<AccessMode>(number() % 2)};
    }

    std::uint64_t linear() {
        la57 = one_in(2);
        std::uint64_t address = number();
        if (!one_in(50)) {
            const unsigned unused = la57 ? 7 : 16;
            address =
                static_cast<std::uint64_t>(static_cast<std::int64_t>(address << unused) >> unused);
        }
        return address;
    }

  private:
    std::uint8_t width() { return one_in(4) ? 46 : 52; }

    std::uint64_t next_table() { return 0x10'0000'0000 + 0x1000 * ++tables_ % 0x1000'0000; }
    /// Mostly few gigabytes, so that paths share tables; sometimes up to 2^47, 2^48 or beyond.
    std::uint64_t random_page() {
        const unsigned bits_wanted = one_in(6) ? 45 + static_cast<unsigned>(number() % 5) : 32;
        return number() % (1ull << bits_wanted) / 4096 * 4096;
    }

    std::uint64_t noise(std::uint64_t raw) {
        return one_in(400) ? raw ^ (1ull << (number() % 64)) : raw;
    }

    std::uint64_t guest_entry(std::uint64_t next, int level, bool large) {
        std::uint64_t raw = next | (one_in(40) ? 0 : 1) | (one_in(12) ? 0 : 2) |
                            (one_in(12) ? 0 : 4) | (one_in(5) ? 0 : 0x20) | (one_in(2) ? 0 : 0x40);
        raw |= number() & 0b1111'0001'1000 & (level >= 4 ? ~0x100ull : ~0ull);
        raw |= large ? 0x80 : 0;
        raw |= level == 1 ? number() & 0x80 : 0;
        raw |= number() & (0x7full << 52);
        return noise(raw | (one_in(20) ? 1ull << 63 : 0));
    }

    std::uint64_t nested_entry(const Machine& m, std::uint64_t next, int level, bool leaf) {
        std::uint64_t raw = next | (leaf && level > 1 ? 0x80 : 0);
        if (m.kind == Kind::npt) {
            raw |= (one_in(150) ? 0 : 1) | (one_in(60) ? 0 : 2) | (one_in(150) ? 0 : 4);
            return noise(raw | (number() & 0xe78) | (one_in(30) ? 1ull << 63 : 0));
        }
        raw |= one_in(200)   ? 0
               : one_in(100) ? 4
               : one_in(20)  ? 5
               : one_in(20)  ? 3
               : one_in(30)  ? 1
                             : 7;
        raw |= one_in(20) ? 0 : 0x400;
        raw |= (number() & 0xb00) | (number() & 0xfffull << 52);
        if (leaf) {
            const std::uint64_t types[] = {0, 1, 4, 5, 6};
            raw |= one_in(500) ? 7 << 3 : types[number() % 5] << 3;
            raw |= number() & 0x40;
        }
        return noise(raw);
    }

    /// Builds a path of the second stage, along tables that are there already; where its leaf puts
    /// the address in host memory, as far as the generator knows.
    std::optional<std::uint64_t> map(Machine& m, std::uint64_t address) {
        if (m.kind == Kind::none) {
            return address;
        }
        std::uint64_t table = m.nested_root;
        for (int level = m.nested_five ? 5 : 4;; --level) {
            const std::uint64_t place = table + address / (1ull << (9 * level + 3)) % 512 * 8;
            const std::uint64_t page = 1ull << (9 * level + 3);
            std::optional<std::uint64_t> entry = peek(m.memory, place);
            if (!entry) {
                const bool leaf = level == 1 || (level <= 3 && one_in(5));
                const std::uint64_t next =
                    leaf ? (0x20'0000'0000 + (number() % 0x10'0000'0000)) / page * page
                         : next_table();
                if (one_in(500)) {
                    return std::nullopt;
                }
                entry = nested_entry(m, next, level, leaf);
                m.memory.emplace_back(place, *entry);
            }
            if (level == 1 || (level <= 3 && bit(*entry, 7))) {
                return *entry % (1ull << 52) / page * page + address % page;
            }
            table = *entry % (1ull << 52) / 4096 * 4096;
        }
    }

    Random random_;
    std::uint64_t tables_ = 0;
    bool la57 = false;
};

inline Naive modelled(const Machine& m, std::uint64_t address, const Access& access) {
    const auto read = [&](PhysAddr entry) { return peek(m.memory, entry.raw()); };
    const Frame4k guest_root = *Frame4k::from(PhysAddr(m.guest_root));
    const Frame4k nested_root = *Frame4k::from(PhysAddr(m.nested_root));
    switch (m.kind) {
        case Kind::none:
            break;
        case Kind::ept: {
            const auto length = m.nested_five ? EptWalkLength::five : EptWalkLength::four;
            const EptStage stage{
                .pointer = EptPointer(nested_root, length).with_accessed_dirty(m.ept_flags),
                .format = m.ept};
            return in_naive_terms(walk2d(read, stage, guest_root, address, access, m.guest));
        }
        case Kind::npt: {
            const NptStage stage{.root = nested_root, .la57 = m.nested_five, .format = m.npt};
            return in_naive_terms(walk2d(read, stage, guest_root, address, access, m.guest));
        }
    }
    return in_naive_terms(walk2d(read, NoSecondStage{}, guest_root, address, access, m.guest));
}

}  // namespace nestbed::paging::test
