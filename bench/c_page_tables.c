#include "c_page_tables.h"

#include "c_page_operations.h"

enum c_error c_create(struct c_address_space* space, struct table_memory* memory,
                      unsigned maxphyaddr, int nxe) {
    space->root = table_memory_take_zeroed(memory);
    space->not_in_frame = ~((1ULL << maxphyaddr) - 4096);
    space->not_in_flags = ~leaf_flags | (nxe ? 0 : no_execute);
    space->memory = memory;
    return space->root != 0 ? c_ok : c_out_of_frames;
}

enum c_error c_map_page(struct c_address_space* space, uint64_t linear, uint64_t physical,
                        uint64_t flags) {
    return map_page(space, linear, physical, flags);
}

enum c_error c_lookup(const struct c_address_space* space, uint64_t linear,
                      struct c_mapping* mapping) {
    return lookup(space, linear, mapping);
}

enum c_error c_protect_page(struct c_address_space* space, uint64_t linear, uint64_t flags,
                            uint64_t* old, int* owed) {
    return protect_page(space, linear, flags, old, owed);
}

enum c_error c_unmap_page(struct c_address_space* space, uint64_t linear, uint64_t* frame,
                          uint64_t* old) {
    return unmap_page(space, linear, frame, old);
}

enum c_error c_map_range(struct c_address_space* space, uint64_t linear, uint64_t physical,
                         uint64_t pages, uint64_t flags) {
    if (pages == 0) {
        return c_ok;
    }
    // The first and the last: what lies between is in the same half and in the same memory.
    if (unlikely(pages > (1ULL << 40))) {
        return c_out_of_range;
    }
    enum c_error error = check(space, linear, physical, flags);
    if (likely(error == c_ok)) {
        error = check(space, linear + (pages - 1) * 4096, physical + (pages - 1) * 4096, flags);
    }
    if (unlikely(error != c_ok)) {
        return error;
    }
    const struct required_rights required = table_granting(flags);
    const uint64_t end = linear + pages * 4096;
    uint64_t leaf = physical | flags;
    while (linear != end) {
        uint64_t* const pt = pt_of(space, linear, required, &error);
        if (unlikely(pt == NULL)) {
            return error;
        }
        const uint64_t table_end = (linear | 0x1FFFFF) + 1;
        const uint64_t stop = table_end < end ? table_end : end;
        uint64_t* slot = slot_in(pt, linear, pt_shift);
        for (; linear != stop; linear += 4096) {
            const uint64_t entry = load(slot);
            if (unlikely(entry != 0)) {
                return leaf_refused(entry);
            }
            store(slot, leaf);
            leaf += 4096;
            ++slot;
        }
    }
    return c_ok;
}

uint64_t c_store_tables(struct table_memory* memory, int zeroed, uint64_t physical, uint64_t tables,
                        uint64_t flags) {
    uint64_t (*const take)(struct table_memory*) =
        zeroed ? table_memory_take_zeroed : table_memory_take;
    const uint64_t table_flags = present | writable | user;
    const uint64_t root = take(memory);
    const uint64_t pdpt = take(memory);
    *table_at(root) = pdpt | table_flags;
    uint64_t* pd = NULL;
    for (uint64_t table = 0; table < tables; ++table) {
        if (table % 512 == 0) {
            const uint64_t frame = take(memory);
            table_at(pdpt)[table / 512] = frame | table_flags;
            pd = table_at(frame);
        }
        const uint64_t frame = take(memory);
        pd[table % 512] = frame | table_flags;
        uint64_t* const pt = table_at(frame);
        for (uint64_t page = 0; page < 512; ++page) {
            pt[page] = (physical + page * 4096) | flags;
        }
        physical += 512 * 4096;
    }
    return root;
}

uint64_t c_map_all(struct c_address_space* space, uint64_t linear, uint64_t physical,
                   uint64_t pages, uint64_t flags) {
    return c_map_range(space, linear, physical, pages, flags) == c_ok ? pages : 0;
}
