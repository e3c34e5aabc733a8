// Walks of two stages, a second implementation beside walk2d(): deliberately naive, with literal
// bit numbers and its own walk of each kind of table. It shares no code with the first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/paging/walk2d.hpp"

namespace nestbed::paging::test {

using Memory = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

inline std::optional<std::uint64_t> peek(const Memory& memory, std::uint64_t address) {
    for (const auto& [place, value] : memory) {
        if (place == address) {
            return value;
        }
    }
    return std::nullopt;
}

inline bool bit(std::uint64_t value, int number) { return (value >> number) % 2 == 1; }

enum class Kind { none, ept, npt };

/// A machine: both roots and all that decides how the trees are read.
struct Machine {
    Memory memory{};
    Kind kind = Kind::none;
    std::uint64_t guest_root = 0;
    std::uint64_t nested_root = 0;
    bool nested_five = false;
    bool ept_flags = false;
    EptFormat ept{};
    EntryFormat npt{};
    ControlState guest{};
};

struct Naive {
    std::string what = "translated";
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::size_t guest_reads = 0;
    std::size_t nested_reads = 0;
    /// What the guest or the hypervisor is told: an error code, exit qualification, or EXITINFO1.
    std::uint64_t told = 0;
    /// Where a second stage stopped: the guest's level, 0 for the final address.
    int level = -1;
    std::uint64_t guest_physical = 0;

    bool operator==(const Naive&) const = default;
};

struct NaiveNested {
    std::string what = "translated";
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::size_t reads = 0;
    std::uint64_t told = 0;
};

enum class Use { table_read, table_update, page };

inline NaiveNested naive_ept(const Machine& m, std::uint64_t address, Use use, AccessType type,
                             bool user_page) {
    const bool is_update = use == Use::table_update;
    const bool is_write = use == Use::page ? type == AccessType::write : is_update || m.ept_flags;
    const bool is_fetch = use == Use::page && type == AccessType::fetch;
    const bool is_read = use == Use::page ? type == AccessType::read : !is_update;
    std::uint64_t told = 128 + (use == Use::page ? 256 : 0);
    told += (is_read ? 1 : 0) + (is_write ? 2 : 0) + (is_fetch ? 4 : 0);
    NaiveNested result;
    if (address / (1ull << (m.nested_five ? 52 : 48)) != 0) {
        return {.what = "violation", .told = told};
    }
    const bool modes = m.ept.mode_based_execute;
    bool can_read = true;
    bool can_write = true;
    bool can_execute = true;
    bool user_can_execute = true;
    std::uint64_t table = m.nested_root;
    for (int level = m.nested_five ? 5 : 4;; --level) {
        const std::uint64_t index = address / (1ull << (9 * level + 3)) % 512;
        const auto found = peek(m.memory, table + index * 8);
        ++result.reads;
        if (!found) {
            result.what = "outside";
            return result;
        }
        const std::uint64_t entry = *found;
        if (!bit(entry, 0) && !bit(entry, 1) && !bit(entry, 2) && !(modes && bit(entry, 10))) {
            result.what = "violation";
            result.told = told;
            return result;
        }
        const bool maps = level == 1 || (level <= 3 && bit(entry, 7));
        bool bad = bit(entry, 1) && !bit(entry, 0);
        if (!m.ept.execute_only && !bit(entry, 0)) {
            bad = bad || bit(entry, 2) || (modes && bit(entry, 10));
        }
        for (int number = m.ept.maxphyaddr; number <= 51; ++number) {
            bad = bad || bit(entry, number);
        }
        if (maps) {
            const std::uint64_t type_field = entry / 8 % 8;
            bad = bad || type_field == 2 || type_field == 3 || type_field == 7;
            bad = bad || (level == 2 && !m.ept.pages_2m) || (level == 3 && !m.ept.pages_1g);
            for (int number = 12; number < 9 * level + 3; ++number) {
                bad = bad || bit(entry, number);
            }
        } else {
            bad = bad || bit(entry, 3) || bit(entry, 4) || bit(entry, 5) || bit(entry, 6);
            bad = bad || bit(entry, 7);
        }
        if (bad) {
            result.what = "misconfiguration";
            return result;
        }
        can_read = can_read && bit(entry, 0);
        can_write = can_write && bit(entry, 1);
        can_execute = can_execute && bit(entry, 2);
        user_can_execute = user_can_execute && bit(entry, 10);
        if (maps) {
            result.size = 1ull << (9 * level + 3);
            result.address =
                entry % (1ull << 52) / result.size * result.size + address % result.size;
            break;
        }
        table = entry % (1ull << 52) / 4096 * 4096;
    }
    bool denied = false;
    if (is_write) {
        denied = !can_write;
    } else if (is_fetch) {
        denied = modes && user_page ? !user_can_execute : !can_execute;
    } else {
        denied = !can_read;
    }
    if (denied) {
        result.what = "violation";
        result.told = told + (can_read ? 8 : 0) + (can_write ? 16 : 0) + (can_execute ? 32 : 0) +
                      (modes && user_can_execute ? 64 : 0);
    }
    return result;
}

inline NaiveNested naive_npt(const Machine& m, std::uint64_t address, Use use, AccessType type) {
    const bool is_write = use != Use::page || type == AccessType::write;
    const bool is_fetch = use == Use::page && type == AccessType::fetch;
    const std::uint64_t told = 4 + (is_write ? 2u : 0u) + (is_fetch && m.npt.nxe ? 16u : 0u) +
                               (use == Use::page ? 1ull << 32 : 1ull << 33);
    NaiveNested result;
    if (address / (1ull << (m.nested_five ? 57 : 48)) != 0) {
        return {.what = "npf", .told = told};
    }
    bool can_write = true;
    bool users = true;
    bool can_execute = true;
    std::uint64_t table = m.nested_root;
    for (int level = m.nested_five ? 5 : 4;; --level) {
        const auto found = peek(m.memory, table + address / (1ull << (9 * level + 3)) % 512 * 8);
        ++result.reads;
        if (!found) {
            result.what = "outside";
            return result;
        }
        const std::uint64_t entry = *found;
        if (!bit(entry, 0)) {
            result.what = "npf";
            result.told = told;
            return result;
        }
        const bool large = (level == 2 || level == 3) && bit(entry, 7);
        bool bad = (level >= 4 && bit(entry, 7)) || (bit(entry, 63) && !m.npt.nxe) ||
                   (level == 3 && bit(entry, 7) && !m.npt.pages_1g) ||
                   (level >= 4 && bit(entry, 8) && m.npt.root_global_reserved);
        for (int number = m.npt.maxphyaddr; number <= 51; ++number) {
            bad = bad || bit(entry, number);
        }
        for (int number = 13; large && number < 9 * level + 3; ++number) {
            bad = bad || bit(entry, number);
        }
        if (bad) {
            result.what = "npf";
            result.told = told + 9;
            return result;
        }
        can_write = can_write && bit(entry, 1);
        users = users && bit(entry, 2);
        can_execute = can_execute && !bit(entry, 63);
        if (large || level == 1) {
            result.size = 1ull << (9 * level + 3);
            result.address =
                entry % (1ull << 52) / result.size * result.size + address % result.size;
            break;
        }
        table = entry % (1ull << 52) / 4096 * 4096;
    }
    if (!users || (is_write && !can_write) || (is_fetch && !can_execute)) {
        result.what = "npf";
        result.told = told + 1;
    }
    return result;
}

inline NaiveNested naive_nested(const Machine& m, std::uint64_t address, Use use, AccessType type,
                                bool user_page) {
    if (m.kind == Kind::ept) {
        return naive_ept(m, address, use, type, user_page);
    }
    if (m.kind == Kind::npt) {
        return naive_npt(m, address, use, type);
    }
    return {.address = address, .size = 1ull << 40};
}

inline Naive naive_walk2d(const Machine& m, std::uint64_t address, const Access& access) {
    const bool by_user = access.mode == AccessMode::user;
    const bool is_write = access.type == AccessType::write;
    const bool is_fetch = access.type == AccessType::fetch;
    const int top_bit = m.guest.la57 ? 56 : 47;
    for (int number = top_bit; number < 64; ++number) {
        if (bit(address, number) != bit(address, top_bit)) {
            return {.what = "non canonical"};
        }
    }
    const std::uint64_t error = (is_write ? 2u : 0u) + (by_user ? 4u : 0u) +
                                (is_fetch && (m.guest.smep || m.guest.format.nxe) ? 16u : 0u);

    Naive result;
    struct Used {
        std::uint64_t place;
        std::uint64_t entry;
        int level;
    };
    std::vector<Used> path;
    bool writable = true;
    bool user_page = true;
    bool executable = true;
    std::uint64_t table = m.guest_root;
    std::uint64_t page = 0;
    for (int level = m.guest.la57 ? 5 : 4;; --level) {
        const std::uint64_t place = table + address / (1ull << (9 * level + 3)) % 512 * 8;
        const NaiveNested nested = naive_nested(m, place, Use::table_read, AccessType::read, false);
        result.nested_reads += nested.reads;
        if (nested.what != "translated") {
            result.what = nested.what;
            result.told = nested.told;
            result.level = level;
            result.guest_physical = place;
            return result;
        }
        ++result.guest_reads;
        const auto found = peek(m.memory, nested.address);
        if (!found) {
            result.what = "outside";
            result.level = level;
            result.guest_physical = place;
            return result;
        }
        const std::uint64_t entry = *found;
        path.push_back({place, entry, level});
        if (!bit(entry, 0)) {
            result.what = "guest fault";
            result.told = error;
            return result;
        }
        const bool large = (level == 2 || level == 3) && bit(entry, 7);
        bool bad = (level >= 4 && bit(entry, 7)) || (bit(entry, 63) && !m.guest.format.nxe) ||
                   (level == 3 && bit(entry, 7) && !m.guest.format.pages_1g);
        for (int number = m.guest.format.maxphyaddr; number <= 51; ++number) {
            bad = bad || bit(entry, number);
        }
        for (int number = 13; large && number < 9 * level + 3; ++number) {
            bad = bad || bit(entry, number);
        }
        if (bad) {
            result.what = "guest fault";
            result.told = error + 9;
            return result;
        }
        writable = writable && bit(entry, 1);
        user_page = user_page && bit(entry, 2);
        executable = executable && !bit(entry, 63);
        if (large || level == 1) {
            result.size = 1ull << (9 * level + 3);
            page = entry % (1ull << 52) / result.size * result.size + address % result.size;
            break;
        }
        table = entry % (1ull << 52) / 4096 * 4096;
    }
    const bool denied = (by_user && !user_page) || (is_fetch && !executable) ||
                        (is_write && !writable && (by_user || m.guest.wp)) ||
                        (!by_user && user_page && is_fetch && m.guest.smep);
    if (denied) {
        result.what = "guest fault";
        result.told = error + 1;
        result.size = 0;
        return result;
    }
    for (const Used& used : path) {
        const bool leaf = used.level == path.back().level;
        if (!bit(used.entry, 5) || (leaf && is_write && !bit(used.entry, 6))) {
            const NaiveNested update =
                naive_nested(m, used.place, Use::table_update, AccessType::write, false);
            if (update.what != "translated") {
                result.what = update.what;
                result.told = update.told;
                result.level = used.level;
                result.guest_physical = used.place;
                result.size = 0;
                return result;
            }
        }
    }
    const NaiveNested nested = naive_nested(m, page, Use::page, access.type, user_page);
    result.nested_reads += nested.reads;
    if (nested.what != "translated") {
        result.what = nested.what;
        result.told = nested.told;
        result.level = 0;
        result.guest_physical = page;
        result.size = 0;
        return result;
    }
    result.address = nested.address;
    result.size = std::min(result.size, nested.size);
    return result;
}

}  // namespace nestbed::paging::test
