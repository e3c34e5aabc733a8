#define _GNU_SOURCE
#include "table_memory.h"

#include <string.h>
#include <sys/mman.h>

static const uint64_t frame_bytes = 4096;

static void* in_direct_map(uint64_t physical) {
    return (void*)(TABLE_MEMORY_DIRECT_MAP + physical);
}

int table_memory_open(struct table_memory* memory, uint64_t first, uint64_t frames) {
    const size_t bytes = frames * frame_bytes;
    void* const start = in_direct_map(first);
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

uint64_t table_memory_take(struct table_memory* memory) {
    if (memory->next == memory->end) {
        return 0;
    }
    const uint64_t frame = memory->next;
    memory->next += frame_bytes;
    return frame;
}

uint64_t table_memory_take_zeroed(struct table_memory* memory) {
    const uint64_t frame = table_memory_take(memory);
    if (frame != 0) {
        memset(in_direct_map(frame), 0, frame_bytes);
    }
    return frame;
}
