// The floor of what page tables cost: 4-level paging, 4 KiB pages and the lower half in plain C, as
// one would write it by hand for a kernel that needs no more. It checks what the entry library
// checks and gives the same errors, without their places. Unlike the library it knows one
// paging mode, does not tell pages from frames, and leaves empty tables behind when it fails
// halfway.
#ifndef NESTBED_BENCH_C_PAGE_TABLES_H
#define NESTBED_BENCH_C_PAGE_TABLES_H

#include <stdint.h>

#include "table_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

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

/// `flags` are the leaf's bits without its frame.
enum c_error c_map_page(struct c_address_space* space, uint64_t linear, uint64_t physical,
                        uint64_t flags);
enum c_error c_lookup(const struct c_address_space* space, uint64_t linear,
                      struct c_mapping* mapping);
/// `*old` is the entry as it was; `*owed` says whether it must be invalidated.
enum c_error c_protect_page(struct c_address_space* space, uint64_t linear, uint64_t flags,
                            uint64_t* old, int* owed);
/// `*frame` is the frame that was mapped, `*old` the entry as it was.
enum c_error c_unmap_page(struct c_address_space* space, uint64_t linear, uint64_t* frame,
                          uint64_t* old);

/// What is timed: the function above for each of `pages` pages, from `linear` and `physical` on.
/// Each returns a sum of what it got, which is the same for whoever does the same work, or 0 after
/// an error.
uint64_t c_map_each(struct c_address_space* space, uint64_t linear, uint64_t physical,
                    uint64_t pages, uint64_t flags);
uint64_t c_lookup_each(const struct c_address_space* space, uint64_t linear, uint64_t pages);
uint64_t c_protect_each(struct c_address_space* space, uint64_t linear, uint64_t pages,
                        uint64_t flags);
uint64_t c_unmap_each(struct c_address_space* space, uint64_t linear, uint64_t pages);

/// The same, with everything in one file, so that the compiler may inline it all.
uint64_t c_map_each_inlined(struct c_address_space* space, uint64_t linear, uint64_t physical,
                            uint64_t pages, uint64_t flags);
uint64_t c_lookup_each_inlined(const struct c_address_space* space, uint64_t linear,
                               uint64_t pages);
uint64_t c_protect_each_inlined(struct c_address_space* space, uint64_t linear, uint64_t pages,
                                uint64_t flags);
uint64_t c_unmap_each_inlined(struct c_address_space* space, uint64_t linear, uint64_t pages);

/// Maps consecutive pages to consecutive frames; each table is found once. Pages mapped before an
/// error stay mapped.
enum c_error c_map_range(struct c_address_space* space, uint64_t linear, uint64_t physical,
                         uint64_t pages, uint64_t flags);
/// What is timed.
uint64_t c_map_all(struct c_address_space* space, uint64_t linear, uint64_t physical,
                   uint64_t pages, uint64_t flags);

/// The tables of one empty address space for `tables` times 512 pages from linear address 0 on,
/// written by plain stores with nothing checked: no way of mapping those pages can cost less.
/// Without `zeroed`, whatever is not written stays as it was. Returns the root.
uint64_t c_store_tables(struct table_memory* memory, int zeroed, uint64_t physical, uint64_t tables,
                        uint64_t flags);

#ifdef __cplusplus
}
#endif

#endif
