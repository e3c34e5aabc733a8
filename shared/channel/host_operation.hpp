// What a guest can have the host do to the test memory (test_memory.hpp) while it runs: the events
// that a hypervisor's user of memory brings about, so that a guest can meet them and time what
// follows.
#pragma once

#include <cstdint>

namespace nestbed::channel {

/// Pages are 4 KiB and counted from the start of the test memory. Those of a collected or cleared
/// log begin and end at a multiple of 64.
enum class HostOperationId : std::uint32_t {
    /// Each page gets memory behind it, as if it had been written to (MADV_POPULATE_WRITE).
    populate = 1,
    /// Gives the memory behind the pages back: they are zero afterwards (MADV_DONTNEED; of memory
    /// that is a file, MADV_REMOVE).
    discard = 2,
    /// From now on KVM logs which pages of the test memory are written (KVM_MEM_LOG_DIRTY_PAGES).
    start_dirty_log = 3,
    /// No longer, and what is in the log is gone. `result`: how often a vCPU had to leave the guest
    /// because its ring was full.
    stop_dirty_log = 4,
    /// Writes the log, a bit per page, to guest memory at the guest physical address `argument`.
    /// A page stays in the log until it is cleared. `result`: how many of these pages are in it.
    /// Other vCPUs may run.
    collect_dirty_log = 5,
    /// Takes the pages whose bits are set in such a bitmap at `argument` out of the log: one that
    /// is written after that is in it again. Other vCPUs may run.
    clear_dirty_log = 6,
    /// Writes the pages out to the host's swap (MADV_PAGEOUT), as far as the host does that within
    /// a second or so. `result`: how many of them are not in its memory now.
    page_out = 7,
    /// `argument` 1: the guest can read the test memory, but each of its writes goes to the VMM
    /// (KVM_MEM_READONLY), which drops it. 0: it can write again. `result`: how many writes were
    /// dropped so far, for whatever reason. While this is carried out, other vCPUs find nothing
    /// there at times.
    set_read_only = 8,
    /// Puts the test memory at the guest physical address `argument`, a multiple of 1 GiB from
    /// test_memory_physical on, with all of it where the vCPUs can address it. Other vCPUs may run:
    /// each of their accesses to where it was, or is to be, finds it or finds nothing.
    move = 9,
    /// Takes the pages away from the guest, and from now on it is the VMM that brings each in when
    /// it is touched (userfaultfd). `argument`: a UserfaultKind. On whole pages of the host's.
    start_userfault = 10,
    /// No longer. `result`: how many pages the VMM has brought in.
    stop_userfault = 11,
};

/// What is missing when the VMM is asked for a page.
enum class UserfaultKind : std::uint64_t {
    missing = 0,  ///< the page, which is given back to the host and will be zero
    minor = 1,    ///< only its place in the host's page tables: what was in it stays
};

/// Between test_memory_physical and the furthest place at which the test memory ever was, a read
/// where there is nothing finds all bits set and a write is dropped, as on a bus. Anywhere else
/// such an access ends the VM, and so does one that KVM cannot decode.
///
/// Written by the guest, which then writes to `port::host_operation`; by one vCPU at a time. When
/// that returns, the host has carried it out and filled in the rest. A request that makes no sense
/// ends the VM.
struct HostOperation {
    HostOperationId id;
    std::uint32_t error = 0;  ///< out: 0, or why the host's kernel refused (errno)
    std::uint64_t first_page = 0;
    std::uint64_t pages = 0;
    std::uint64_t argument = 0;  ///< what it is depends on the operation
    std::uint64_t result = 0;    ///< out: likewise
    std::uint64_t cycles = 0;    ///< out: what it took, of the host's time-stamp counter
};
static_assert(sizeof(HostOperation) == 48);

}  // namespace nestbed::channel
