// The floor of what page tables cost: 4-level paging, 4 KiB pages and the lower half in plain C, as
// one would write it by hand for a kernel that needs no more. It checks what the entry library
// checks and gives the same errors, without their places. Unlike the library it knows one
// paging mode, does not tell pages from frames, and leaves empty tables behind when it fails
// halfway.
#ifndef NESTBED_BENCH_C_PAGE_TABLES_H
#define NESTBED_BENCH_C_PAGE_TABLES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Where physical address 0 is in this process: as in a kernel, a direct map at a constant address.
#define TABLE_MEMORY_DIRECT_MAP 0x200000000000

/// Physical memory for all tables, the library's as well. Frames are handed out in ascending order.
struct table_memory {
    uint64_t next;  ///< the frame handed out next
    uint64_t end;   ///< the first that is not memory
};

/// Maps this many frames from physical address `first` on, once in a process, and touches them all.
/// Returns 0, or -1 if the host has no room there.
int table_memory_open(struct table_memory* memory, uint64_t first, uint64_t frames);

/// Hands out a frame after filling it with zero; 0 if there is none left.
uint64_t table_memory_take_zeroed(struct table_memory* memory);

/// `c_ok`, or the library's errors, in its order (shared/paging/result.hpp).
enum c_error {
    c_ok,
    c_unaligned,
    c_out_of_range,
    c_not_canonical,
    c_not_exist,
    c_duplicated,
    c_unexpected_leaf,
    c_unexpected_table,
    c_malformed,
    c_invalid_permission,
    c_unsupported,
    c_kernel_half,
    c_out_of_frames,
    c_not_addressable,
    c_occupied,
};

struct c_address_space {
    uint64_t root;
    /// The address bits that no frame has: those below 4 KiB and from MAXPHYADDR on.
    uint64_t not_in_frame;
    /// The bits of flags that the processor reserves: bit 63 without EFER.NXE.
    uint64_t not_in_flags;
    struct table_memory* memory;
};

struct c_mapping {
    uint64_t physical;
    uint64_t size;   ///< in bytes
    uint64_t flags;  ///< as bits of a 4 KiB leaf
    uint64_t raw;
};

/// An empty address space; `c_out_of_frames` if there is no frame for its root.
enum c_error c_create(struct c_address_space* space, struct table_memory* memory,
                      unsigned maxphyaddr, int nxe);

/// How the operations on one page are declared. Whoever wants them inlined says `static inline`,
/// and includes c_page_operations.h.
#ifndef C_OPERATION
#define C_OPERATION
#endif

/// `flags` are the leaf's bits without its frame.
C_OPERATION enum c_error c_map_page(struct c_address_space* space, uint64_t linear,
                                    uint64_t physical, uint64_t flags);
C_OPERATION enum c_error c_lookup(const struct c_address_space* space, uint64_t linear,
                                  struct c_mapping* mapping);
/// `*old` is the entry as it was; `*owed` says whether it must be invalidated.
C_OPERATION enum c_error c_protect_page(struct c_address_space* space, uint64_t linear,
                                        uint64_t flags, uint64_t* old, int* owed);
/// `*frame` is the frame that was mapped, `*old` the entry as it was.
C_OPERATION enum c_error c_unmap_page(struct c_address_space* space, uint64_t linear,
                                      uint64_t* frame, uint64_t* old);

/// Consecutive pages, with the consecutive frames and the flags for operations that give some.
struct c_pages {
    uint64_t linear;
    uint64_t physical;
    uint64_t count;
    uint64_t flags;
};

/// What is timed. Each returns a sum of what it got, which is the same for whoever does the same
/// work, or 0 after an error.
typedef uint64_t c_work(struct c_address_space* space, struct c_pages pages);

/// The operation above, called for each page.
c_work c_map_each, c_lookup_each, c_protect_each, c_unmap_each;
/// The same, with everything in one file, so that the compiler may inline it all.
c_work c_map_each_inlined, c_lookup_each_inlined, c_protect_each_inlined, c_unmap_each_inlined;
/// c_map_range().
c_work c_map_all;

/// Maps consecutive pages to consecutive frames; each table is found once. Pages mapped before an
/// error stay mapped.
enum c_error c_map_range(struct c_address_space* space, struct c_pages pages);

/// The tables of one empty address space for `tables` times 512 pages from linear address 0 on,
/// written by plain stores with nothing checked: no way of mapping those pages can cost less.
/// Without `zeroed`, whatever is not written stays as it was. Returns the root.
uint64_t c_store_tables(struct table_memory* memory, int zeroed, uint64_t physical, uint64_t tables,
                        uint64_t flags);

#ifdef __cplusplus
}
#endif

#endif
