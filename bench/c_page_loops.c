// What is timed, page by page. Compiled twice: with the operations called, as functions of another
// file, and with INLINED, where the compiler sees them.
#include "c_page_tables.h"

#ifdef INLINED
#include "c_page_operations.h"
#define EACH(operation) c_##operation##_each_inlined
#define ONE(operation) operation
#else
#define EACH(operation) c_##operation##_each
#define ONE(operation) c_##operation
#endif

uint64_t EACH(map)(struct c_address_space* space, uint64_t linear, uint64_t physical,
                   uint64_t pages, uint64_t flags) {
    for (uint64_t page = 0; page < pages; ++page) {
        if (ONE(map_page)(space, linear + page * 4096, physical + page * 4096, flags) != c_ok) {
            return 0;
        }
    }
    return pages;
}

uint64_t EACH(lookup)(const struct c_address_space* space, uint64_t linear, uint64_t pages) {
    uint64_t sum = 0;
    for (uint64_t page = 0; page < pages; ++page) {
        struct c_mapping mapping;
        if (ONE(lookup)(space, linear + page * 4096, &mapping) != c_ok) {
            return 0;
        }
        sum += mapping.physical + mapping.size + mapping.flags;
    }
    return sum;
}

uint64_t EACH(protect)(struct c_address_space* space, uint64_t linear, uint64_t pages,
                       uint64_t flags) {
    uint64_t sum = 0;
    for (uint64_t page = 0; page < pages; ++page) {
        uint64_t old;
        int owed;
        if (ONE(protect_page)(space, linear + page * 4096, flags, &old, &owed) != c_ok) {
            return 0;
        }
        // Stands for the invalidation.
        sum += old + (owed ? linear + page * 4096 : 0);
    }
    return sum;
}

uint64_t EACH(unmap)(struct c_address_space* space, uint64_t linear, uint64_t pages) {
    uint64_t sum = 0;
    for (uint64_t page = 0; page < pages; ++page) {
        uint64_t frame;
        uint64_t old;
        if (ONE(unmap_page)(space, linear + page * 4096, &frame, &old) != c_ok) {
            return 0;
        }
        sum += linear + page * 4096 + frame + old;
    }
    return sum;
}
