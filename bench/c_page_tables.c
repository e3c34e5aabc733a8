#define _GNU_SOURCE
#include "c_page_tables.h"

#include <string.h>
#include <sys/mman.h>

#include "c_page_operations.h"

int table_memory_open(struct table_memory* memory, uint64_t first, uint64_t frames) {
    const size_t bytes = frames * 4096;
    void* const start = table_at(first);
    if (mmap(start, bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != start) {
        return -1;
    }
    // A kernel's direct map has large pages. The host may refuse, which costs all sides the same.
    (void)madvise(start, bytes, MADV_HUGEPAGE);
    memset(start, 0xFF, bytes);
    memory->next = first;
    memory->end = first + bytes;
    return 0;
}

/// Hands out a frame as it is; 0 if there is none left.
static uint64_t take(struct table_memory* memory) {
    if (memory->next == memory->end) {
        return 0;
    }
    const uint64_t frame = memory->next;
    memory->next += 4096;
    return frame;
}

uint64_t table_memory_take_zeroed(struct table_memory* memory) {
    const uint64_t frame = take(memory);
    if (frame != 0) {
        memset(table_at(frame), 0, 4096);
    }
    return frame;
}

enum c_error c_create(struct c_address_space* space, struct table_memory* memory,
                      unsigned maxphyaddr, int nxe) {
    space->root = table_memory_take_zeroed(memory);
    space->not_in_frame = ~((1ULL << maxphyaddr) - 4096);
    space->not_in_flags = ~leaf_flags | (nxe ? 0 : no_execute);
    space->memory = memory;
    return space->root != 0 ? c_ok : c_out_of_frames;
}

enum c_error c_map_range(struct c_address_space* space, struct c_pages pages) {
    if (pages.count == 0) {
        return c_ok;
    }
    // The first and the last: what lies between is in the same half and in the same memory.
    if (unlikely(pages.count > (1ULL << 40))) {
        return c_out_of_range;
    }
    uint64_t linear = pages.linear;
    const uint64_t end = linear + pages.count * 4096;
    enum c_error error = check(space, linear, pages.physical, pages.flags);
    if (likely(error == c_ok)) {
        error = check(space, end - 4096, pages.physical + (pages.count - 1) * 4096, pages.flags);
    }
    if (unlikely(error != c_ok)) {
        return error;
    }
    const struct required_rights required = table_granting(pages.flags);
    uint64_t leaf = pages.physical | pages.flags;
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

uint64_t c_map_all(struct c_address_space* space, struct c_pages pages) {
    return c_map_range(space, pages) == c_ok ? pages.count : 0;
}

uint64_t c_store_tables(struct table_memory* memory, int zeroed, uint64_t physical, uint64_t tables,
                        uint64_t flags) {
    uint64_t (*const take_frame)(struct table_memory*) = zeroed ? table_memory_take_zeroed : take;
    const uint64_t table_flags = present | writable | user;
    const uint64_t root = take_frame(memory);
    const uint64_t pdpt = take_frame(memory);
    *table_at(root) = pdpt | table_flags;
    uint64_t* pd = NULL;
    for (uint64_t table = 0; table < tables; ++table) {
        if (table % 512 == 0) {
            const uint64_t frame = take_frame(memory);
            table_at(pdpt)[table / 512] = frame | table_flags;
            pd = table_at(frame);
        }
        const uint64_t frame = take_frame(memory);
        pd[table % 512] = frame | table_flags;
        uint64_t* const pt = table_at(frame);
        for (uint64_t page = 0; page < 512; ++page) {
            pt[page] = (physical + page * 4096) | flags;
        }
        physical += 512 * 4096;
    }
    return root;
}
