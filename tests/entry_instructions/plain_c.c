// The floor of library.cpp: the same operations on plain integers.

#include <stdbool.h>
#include <stdint.h>

#define NONE (~0ULL)
#define P (1ULL << 0)
#define RW (1ULL << 1)
#define US (1ULL << 2)
#define PCD (1ULL << 4)
#define A (1ULL << 5)
#define D (1ULL << 6)
#define PS (1ULL << 7)
#define PAT_4K (1ULL << 7)
#define G (1ULL << 8)
#define PAT_LARGE (1ULL << 12)
#define XD (1ULL << 63)
#define FRAME_4K 0x000FFFFFFFFFF000ULL
#define FRAME_2M 0x000FFFFFFFE00000ULL
/// As a 4 KiB leaf has them, which is also how functions take and give flags.
#define FLAGS_4K 0xF80000000000019FULL
#define FLAGS_LARGE (FLAGS_4K | PAT_LARGE)

enum kind { not_present, table, leaf, malformed };
enum permission { may_read = 1, may_write = 2, by_user = 4, may_execute = 8 };

/// The members of the library's EntryFormat.
struct format {
    uint8_t maxphyaddr;
    bool nxe;
    bool pages_1g;
    bool root_global_reserved;
};

static inline uint64_t large_flags(uint64_t flags) {
    return (flags & ~PAT_4K) | (flags & PAT_4K) << 5 | PS;
}

uint64_t make_leaf_4k(uint64_t frame, uint64_t flags) { return frame | flags; }
uint64_t make_leaf_2m(uint64_t frame, uint64_t flags) { return frame | large_flags(flags); }
uint64_t make_leaf_1g(uint64_t frame, uint64_t flags) { return frame | large_flags(flags); }
uint64_t make_table(uint64_t next) { return next | P | RW | US; }
uint64_t make_constant_leaf(void) { return 0x12345000 | P | RW | US | XD; }

uint64_t frame_of_leaf_4k(uint64_t entry) { return (entry & P) != 0 ? entry & FRAME_4K : NONE; }
uint64_t frame_of_leaf_2m(uint64_t entry) {
    return (entry & (P | PS)) == (P | PS) ? entry & FRAME_2M : NONE;
}
uint64_t table_of_pde(uint64_t entry) { return (entry & (P | PS)) == P ? entry & FRAME_4K : NONE; }
uint64_t table_of_pml4e(uint64_t entry) {
    return (entry & (P | PS)) == P ? entry & FRAME_4K : NONE;
}
uint64_t optional_frame_4k(uint64_t entry) { return frame_of_leaf_4k(entry); }
uint64_t optional_frame_2m(uint64_t entry) { return frame_of_leaf_2m(entry); }
uint64_t optional_table(uint64_t entry) { return table_of_pde(entry); }

unsigned kind_of_pte(uint64_t entry) { return (entry & P) != 0 ? leaf : not_present; }
unsigned kind_of_pde(uint64_t entry) {
    if ((entry & P) == 0) {
        return not_present;
    }
    return (entry & PS) != 0 ? leaf : table;
}
unsigned kind_of_pml4e(uint64_t entry) {
    if ((entry & P) == 0) {
        return not_present;
    }
    return (entry & PS) != 0 ? malformed : table;
}
bool is_table(uint64_t entry) { return (entry & (P | PS)) == P; }
bool is_leaf_2m(uint64_t entry) { return (entry & (P | PS)) == (P | PS); }

bool is_present(uint64_t entry) { return (entry & P) != 0; }
bool is_writable(uint64_t entry) { return (entry & RW) != 0; }
bool is_dirty(uint64_t entry) { return (entry & D) != 0; }
bool is_no_execute(uint64_t entry) { return (entry & XD) != 0; }

uint64_t set_writable(uint64_t entry) { return entry | RW; }
uint64_t clear_writable(uint64_t entry) { return entry & ~RW; }
uint64_t set_no_execute(uint64_t entry) { return entry | XD; }
uint64_t clear_accessed(uint64_t entry) { return entry & ~A; }
uint64_t clear_dirty(uint64_t entry) { return entry & ~D; }

uint64_t set_flags_4k(uint64_t entry, uint64_t flags) { return (entry & ~FLAGS_4K) | flags; }
uint64_t set_flags_2m(uint64_t entry, uint64_t flags) {
    return (entry & ~FLAGS_LARGE) | large_flags(flags);
}
uint64_t set_frame_4k(uint64_t entry, uint64_t frame) { return (entry & ~FRAME_4K) | frame; }
uint64_t set_frame_2m(uint64_t entry, uint64_t frame) { return (entry & ~FRAME_2M) | frame; }
uint64_t optional_available_high(uint64_t entry, unsigned value) {
    if (value > 127) {
        return NONE;
    }
    return (entry & ~(127ULL << 52)) | (uint64_t)value << 52;
}

uint64_t flags_of_leaf_4k(uint64_t entry) { return entry & FLAGS_4K; }
uint64_t flags_of_leaf_2m(uint64_t entry) {
    return (entry & FLAGS_4K & ~PAT_4K) | (entry & PAT_LARGE) >> 5;
}
unsigned permission_of(uint64_t entry) {
    return (unsigned)(entry & (P | RW | US)) | ((entry & XD) != 0 ? 0 : may_execute);
}
bool permits_writing(uint64_t entry) { return (entry & RW) != 0; }
unsigned protection_key_of(uint64_t entry) { return (unsigned)(entry >> 59) & 15; }
uint64_t reserved_in_pte(uint64_t entry, const struct format* format) {
    if ((entry & P) == 0) {
        return 0;
    }
    uint64_t reserved = 0;
    if (format->maxphyaddr < 52) {
        reserved = (1ULL << 52) - (1ULL << format->maxphyaddr);
    }
    if (!format->nxe) {
        reserved |= XD;
    }
    return entry & reserved;
}
uint64_t reserved_in_pml4e(uint64_t entry, const struct format* format) {
    if ((entry & P) == 0) {
        return 0;
    }
    uint64_t reserved = PS;
    if (format->maxphyaddr < 52) {
        reserved |= (1ULL << 52) - (1ULL << format->maxphyaddr);
    }
    if (!format->nxe) {
        reserved |= XD;
    }
    if (format->root_global_reserved) {
        reserved |= G;
    }
    return entry & reserved;
}

uint64_t index_in_pml4(uint64_t address) { return address >> 39 & 511; }
uint64_t index_in_pt(uint64_t address) { return address >> 12 & 511; }
uint64_t entry_in_pd(const uint64_t* pd, uint64_t address) { return pd[address >> 21 & 511]; }

bool is_canonical_48(uint64_t address) {
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}
uint64_t frame_from_address(uint64_t address) {
    return (address & ~FRAME_4K) == 0 ? address : NONE;
}
uint64_t page_from_address(uint64_t address) { return (address & 4095) == 0 ? address : NONE; }
uint64_t page_of_address(uint64_t address) { return address & ~4095ULL; }
