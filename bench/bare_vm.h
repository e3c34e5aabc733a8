// The floor of launch cost: a VM made, run and torn down by hand-written ioctls, as any C program
// would. Everything that a VMM has to work out (page tables, boot information, where the image
// goes) is in a snapshot already: this only copies it.
#ifndef NESTBED_BENCH_BARE_VM_H
#define NESTBED_BENCH_BARE_VM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A piece of guest memory that is not zero; `bytes` follow the table of pieces in the file.
struct snapshot_piece {
    uint64_t physical;
    uint64_t offset;  ///< of its bytes, from the start of the snapshot
    uint64_t bytes;
};

/// A guest before its first instruction. A file begins with it, `piece_count` pieces behind it.
struct snapshot {
    uint64_t memory;       ///< bytes of guest memory
    uint64_t entry;        ///< RIP
    uint64_t root;         ///< CR3
    uint64_t boot_info;    ///< RDI
    uint64_t finish_port;  ///< the guest's write to this port ends it
    uint64_t piece_count;
};

/// Makes a VM with one vCPU for the snapshot, runs it until it writes to its finish port, and
/// destroys it. Returns 0, or prints what failed and returns 1.
int bare_vm_run(const struct snapshot* guest);

#ifdef __cplusplus
}
#endif

#endif
