// The physical memory that benchmarked page tables lie in, for C and C++ alike: a direct map at a
// constant address, as a kernel has, and frames handed out in ascending order.
#ifndef NESTBED_BENCH_TABLE_MEMORY_H
#define NESTBED_BENCH_TABLE_MEMORY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Where physical address 0 is in the address space of this process.
#define TABLE_MEMORY_DIRECT_MAP 0x200000000000

struct table_memory {
    uint64_t next;  ///< the frame handed out next
    uint64_t end;   ///< the first that is not memory
};

/// Maps this many frames from physical address `first` on and touches them all. Returns 0, or -1
/// if the host has no room there. There is one such memory in a process.
int table_memory_open(struct table_memory* memory, uint64_t first, uint64_t frames);

/// Hands out a frame after filling it with zero; 0 if there is none left.
uint64_t table_memory_take_zeroed(struct table_memory* memory);

/// Hands out a frame as it is; 0 if there is none left.
uint64_t table_memory_take(struct table_memory* memory);

#ifdef __cplusplus
}
#endif

#endif
