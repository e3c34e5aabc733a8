// The floor of launch cost: a VM made, run and torn down by hand-written ioctls, as any C program
// would. Everything that a VMM has to work out (page tables, boot information, where the image
// goes) is in a snapshot already: this only copies it.
#ifndef NESTBED_BENCH_BARE_VM_H
#define NESTBED_BENCH_BARE_VM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A guest before its first instruction. In a file `page_count` pages follow it.
struct snapshot {
    uint64_t memory;       ///< bytes of guest memory
    uint64_t entry;        ///< RIP
    uint64_t root;         ///< CR3
    uint64_t boot_info;    ///< RDI
    uint64_t finish_port;  ///< the guest's write to this port ends it
    uint64_t page_count;
};

/// A page of guest memory that is not zero.
struct snapshot_page {
    uint64_t physical;
    uint8_t bytes[4096];
};

/// Makes a VM with one vCPU for the snapshot, runs it until it writes to its finish port, and
/// destroys it. Ends the process with status 1 and a message if anything fails.
void bare_vm_run(const struct snapshot* guest);

#ifdef __cplusplus
}
#endif

#endif
