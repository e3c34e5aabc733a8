// What is done to one page; c_page_tables.h says what each operation does.
#ifndef NESTBED_BENCH_C_PAGE_OPERATIONS_H
#define NESTBED_BENCH_C_PAGE_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "c_page_tables.h"

#define likely(condition) __builtin_expect((condition), 1)
#define unlikely(condition) __builtin_expect((condition), 0)
#define slow_path __attribute__((cold, noinline))

/// An error that the compiler knows to be one.
static inline enum c_error surely(enum c_error error) {
    if (error == c_ok) {
        __builtin_unreachable();
    }
    return error;
}

static const uint64_t present = 1ULL << 0;
static const uint64_t writable = 1ULL << 1;
static const uint64_t user = 1ULL << 2;
static const uint64_t page_size = 1ULL << 7;
static const uint64_t pat_large = 1ULL << 12;
static const uint64_t no_execute = 1ULL << 63;
static const uint64_t table_frame = 0x000FFFFFFFFFF000;
static const uint64_t leaf_flags = 0xF80000000000019F;
static const uint64_t lower_half_pages = 0x00007FFFFFFFF000;

enum { pt_shift = 12, pd_shift = 21, pdpt_shift = 30, pml4_shift = 39 };

static inline uint64_t* table_at(uint64_t frame) {
    return (uint64_t*)(TABLE_MEMORY_DIRECT_MAP + frame);
}

static inline uint64_t* slot_in(uint64_t* table, uint64_t linear, unsigned shift) {
    return &table[(linear >> shift) & 511];
}

static inline uint64_t load(const uint64_t* slot) {
    return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

static inline void store(uint64_t* slot, uint64_t entry) {
    __atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

/// What every table entry on the way to a leaf must grant.
struct required_rights {
    uint64_t mask;
    uint64_t value;
};

static inline struct required_rights any_table(void) {
    return (struct required_rights){.mask = present | page_size, .value = present};
}

/// Through tables that withhold none of the rights in the flags.
static inline struct required_rights table_granting(uint64_t flags) {
    const uint64_t value = flags & (present | writable | user);
    return (struct required_rights){.mask = value | page_size | (~flags & no_execute),
                                    .value = value};
}

static inline bool grants(uint64_t entry, struct required_rights required) {
    return (entry & required.mask) == required.value;
}

static slow_path enum c_error linear_refused(uint64_t linear) {
    if ((linear & 0xFFF) != 0) {
        return c_unaligned;
    }
    return (uint64_t)((int64_t)(linear << 16) >> 16) == linear ? c_kernel_half : c_not_canonical;
}

static slow_path enum c_error frame_refused(uint64_t physical) {
    return (physical & 0xFFF) != 0 ? c_unaligned : c_out_of_range;
}

static slow_path enum c_error flags_refused(uint64_t flags) {
    return (flags & present) == 0 ? c_invalid_permission : c_unsupported;
}

/// Why a page cannot be reached below the entry of a table above the PT.
static slow_path enum c_error table_refused(uint64_t entry, unsigned shift) {
    if ((entry & present) == 0) {
        return c_not_exist;
    }
    if ((entry & page_size) != 0) {
        return shift == pml4_shift ? c_malformed : c_unexpected_leaf;
    }
    return c_invalid_permission;
}

/// The slot of the page in its PT; null if the way there is blocked.
static inline uint64_t* find(const struct c_address_space* space, uint64_t linear,
                             struct required_rights required) {
    uint64_t entry = load(slot_in(table_at(space->root), linear, pml4_shift));
    if (unlikely(!grants(entry, required))) {
        return NULL;
    }
    entry = load(slot_in(table_at(entry & table_frame), linear, pdpt_shift));
    if (unlikely(!grants(entry, required))) {
        return NULL;
    }
    entry = load(slot_in(table_at(entry & table_frame), linear, pd_shift));
    if (unlikely(!grants(entry, required))) {
        return NULL;
    }
    return slot_in(table_at(entry & table_frame), linear, pt_shift);
}

/// Why there is no present entry at the end of the way, found out by going it once more.
static slow_path enum c_error not_found(const struct c_address_space* space, uint64_t linear,
                                        struct required_rights required) {
    uint64_t table = space->root;
    for (unsigned shift = pml4_shift; shift != pt_shift; shift -= 9) {
        const uint64_t entry = load(slot_in(table_at(table), linear, shift));
        if (!grants(entry, required)) {
            return table_refused(entry, shift);
        }
        table = entry & table_frame;
    }
    return c_not_exist;
}

/// The table below an entry, made if it is missing; null with `*error` if it cannot be.
static inline uint64_t* table_below(struct c_address_space* space, uint64_t* slot,
                                    struct required_rights required, unsigned shift,
                                    enum c_error* error) {
    const uint64_t entry = load(slot);
    if (likely(grants(entry, required))) {
        return table_at(entry & table_frame);
    }
    if (entry != 0) {
        *error = (entry & present) != 0 ? table_refused(entry, shift) : c_occupied;
        return NULL;
    }
    const uint64_t frame = table_memory_take_zeroed(space->memory);
    if (frame == 0) {
        *error = c_out_of_frames;
        return NULL;
    }
    store(slot, frame | present | writable | user);
    return table_at(frame);
}

/// Why pages cannot be mapped to frames with these flags, wherever they are.
static inline enum c_error check(const struct c_address_space* space, uint64_t linear,
                                 uint64_t physical, uint64_t flags) {
    if (unlikely((linear & ~lower_half_pages) != 0)) {
        return linear_refused(linear);
    }
    if (unlikely((physical & space->not_in_frame) != 0)) {
        return frame_refused(physical);
    }
    if (unlikely((flags & (present | space->not_in_flags)) != present)) {
        return flags_refused(flags);
    }
    return c_ok;
}

/// The PT of a page, made if it is missing; null with `*error` if it cannot be.
static inline uint64_t* pt_of(struct c_address_space* space, uint64_t linear,
                              struct required_rights required, enum c_error* error) {
    uint64_t* table = table_at(space->root);
    for (unsigned shift = pml4_shift; shift != pt_shift && table != NULL; shift -= 9) {
        table = table_below(space, slot_in(table, linear, shift), required, shift, error);
    }
    return table;
}

static slow_path enum c_error leaf_refused(uint64_t entry) {
    return (entry & present) != 0 ? c_duplicated : c_occupied;
}

/// Maps a page whose tables may be missing, or says what is in the way.
static slow_path enum c_error map_slowly(struct c_address_space* space, uint64_t linear,
                                         uint64_t physical, uint64_t flags) {
    enum c_error error = c_ok;
    uint64_t* const pt = pt_of(space, linear, table_granting(flags), &error);
    if (pt == NULL) {
        return error;
    }
    uint64_t* const slot = slot_in(pt, linear, pt_shift);
    const uint64_t entry = load(slot);
    if (entry != 0) {
        return leaf_refused(entry);
    }
    store(slot, physical | flags);
    return c_ok;
}

C_OPERATION enum c_error c_map_page(struct c_address_space* space, uint64_t linear,
                                    uint64_t physical, uint64_t flags) {
    const enum c_error error = check(space, linear, physical, flags);
    if (unlikely(error != c_ok)) {
        return error;
    }
    uint64_t* const slot = find(space, linear, table_granting(flags));
    if (unlikely(slot == NULL || load(slot) != 0)) {
        return map_slowly(space, linear, physical, flags);
    }
    store(slot, physical | flags);
    return c_ok;
}

/// `shift` is a constant wherever it is inlined.
static inline enum c_error describe(uint64_t raw, uint64_t linear, unsigned shift,
                                    struct c_mapping* mapping) {
    if (unlikely((raw & present) == 0)) {
        return c_not_exist;
    }
    const uint64_t offset = (1ULL << shift) - 1;
    mapping->physical = (raw & table_frame & ~offset) | (linear & offset);
    mapping->size = offset + 1;
    mapping->flags = raw & leaf_flags;
    if (shift != pt_shift) {
        mapping->flags &= ~page_size;
        mapping->flags |= (raw & pat_large) >> 5;
    }
    mapping->raw = raw;
    return c_ok;
}

C_OPERATION enum c_error c_lookup(const struct c_address_space* space, uint64_t linear,
                                  struct c_mapping* mapping) {
    if (unlikely((uint64_t)((int64_t)(linear << 16) >> 16) != linear)) {
        return c_not_canonical;
    }
    uint64_t raw = load(slot_in(table_at(space->root), linear, pml4_shift));
    if (unlikely(!grants(raw, any_table()))) {
        return surely(table_refused(raw, pml4_shift));
    }
    raw = load(slot_in(table_at(raw & table_frame), linear, pdpt_shift));
    if (unlikely(!grants(raw, any_table()))) {
        return describe(raw, linear, pdpt_shift, mapping);
    }
    raw = load(slot_in(table_at(raw & table_frame), linear, pd_shift));
    if (unlikely(!grants(raw, any_table()))) {
        return describe(raw, linear, pd_shift, mapping);
    }
    raw = load(slot_in(table_at(raw & table_frame), linear, pt_shift));
    return describe(raw, linear, pt_shift, mapping);
}

C_OPERATION enum c_error c_protect_page(struct c_address_space* space, uint64_t linear,
                                        uint64_t flags, uint64_t* old, int* owed) {
    if (unlikely((linear & ~lower_half_pages) != 0)) {
        return surely(linear_refused(linear));
    }
    if (unlikely((flags & (present | space->not_in_flags)) != present)) {
        return surely(flags_refused(flags));
    }
    const struct required_rights required = table_granting(flags);
    uint64_t* const slot = find(space, linear, required);
    if (unlikely(slot == NULL)) {
        return surely(not_found(space, linear, required));
    }
    uint64_t expected = load(slot);
    if (unlikely((expected & present) == 0)) {
        return c_not_exist;
    }
    uint64_t changed = (expected & ~leaf_flags) | flags;
    while (unlikely(!__atomic_compare_exchange_n(slot, &expected, changed, false, __ATOMIC_ACQ_REL,
                                                 __ATOMIC_RELAXED))) {
        changed = (expected & ~leaf_flags) | flags;
    }
    const uint64_t granted = (~expected & changed & writable) | (expected & ~changed & no_execute);
    *old = expected;
    *owed = ((expected ^ changed) & ~granted) != 0;
    return c_ok;
}

C_OPERATION enum c_error c_unmap_page(struct c_address_space* space, uint64_t linear,
                                      uint64_t* frame, uint64_t* old) {
    if (unlikely((linear & ~lower_half_pages) != 0)) {
        return surely(linear_refused(linear));
    }
    uint64_t* const slot = find(space, linear, any_table());
    if (unlikely(slot == NULL || (load(slot) & present) == 0)) {
        return surely(not_found(space, linear, any_table()));
    }
    *old = __atomic_exchange_n(slot, 0, __ATOMIC_ACQ_REL);
    *frame = *old & table_frame;
    return c_ok;
}

#endif
