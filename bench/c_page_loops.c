// What is timed, page by page. Compiled twice: with the operations called, as functions of another
// file, and with INLINED, where the compiler sees them.
#ifdef INLINED
#define C_OPERATION static inline
#include "c_page_operations.h"
#define EACH(operation) c_##operation##_each_inlined
#else
#include "c_page_tables.h"
#define EACH(operation) c_##operation##_each
#endif

uint64_t EACH(map)(struct c_address_space* space, struct c_pages pages) {
    const uint64_t to_physical = pages.physical - pages.linear;
    const uint64_t end = pages.linear + pages.count * 4096;
    for (uint64_t linear = pages.linear; linear != end; linear += 4096) {
        if (c_map_page(space, linear, linear + to_physical, pages.flags) != c_ok) {
            return 0;
        }
    }
    return pages.count;
}

uint64_t EACH(lookup)(struct c_address_space* space, struct c_pages pages) {
    uint64_t sum = 0;
    const uint64_t end = pages.linear + pages.count * 4096;
    for (uint64_t linear = pages.linear; linear != end; linear += 4096) {
        struct c_mapping mapping;
        if (c_lookup(space, linear, &mapping) != c_ok) {
            return 0;
        }
        sum += mapping.physical + mapping.size + mapping.flags;
    }
    return sum;
}

uint64_t EACH(protect)(struct c_address_space* space, struct c_pages pages) {
    uint64_t sum = 0;
    const uint64_t end = pages.linear + pages.count * 4096;
    for (uint64_t linear = pages.linear; linear != end; linear += 4096) {
        uint64_t old;
        int owed;
        if (c_protect_page(space, linear, pages.flags, &old, &owed) != c_ok) {
            return 0;
        }
        // Stands for the invalidation.
        sum += old + (owed ? linear : 0);
    }
    return sum;
}

uint64_t EACH(unmap)(struct c_address_space* space, struct c_pages pages) {
    uint64_t sum = 0;
    const uint64_t end = pages.linear + pages.count * 4096;
    for (uint64_t linear = pages.linear; linear != end; linear += 4096) {
        uint64_t frame;
        uint64_t old;
        if (c_unmap_page(space, linear, &frame, &old) != c_ok) {
            return 0;
        }
        sum += linear + frame + old;
    }
    return sum;
}
