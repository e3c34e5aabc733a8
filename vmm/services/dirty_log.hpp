// The log of which pages of the test memory were written, as KVM's bitmap or by its rings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "shared/channel/dirty_logging.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/machine/vcpus.hpp"
#include "vmm/services/test_memory.hpp"

namespace nestbed::vmm {

/// Why this host's KVM cannot log like that; nothing if it can.
std::optional<std::string> objection_to(const channel::DirtyLogging& wanted,
                                        const kvm::System& system);

/// Has KVM log like that in `vm`, which has no vCPUs yet. Returns what it got: a ring's entries are
/// a number then. Throws Error if KVM refuses.
channel::DirtyLogging enable_dirty_logging(const channel::DirtyLogging& wanted,
                                           const kvm::System& system, kvm::Vm& vm);

/// Pages are those of the test memory. Its functions are called by one thread at a time; meanwhile
/// vCPUs may run. None but start() allocates.
class DirtyLog {
  public:
    /// `vcpus` are all that `vm` has.
    DirtyLog(kvm::Vm& vm, const Vcpus& vcpus, TestMemory& test_memory)
        : vm_(vm), vcpus_(vcpus), test_memory_(test_memory) {}
    virtual ~DirtyLog() = default;
    DirtyLog(const DirtyLog&) = delete;
    DirtyLog& operator=(const DirtyLog&) = delete;

    /// Registers what answers the exits that it causes, if it does.
    virtual void register_in(ExitTable&) {}

    bool is_running() const { return test_memory_.logs_writes(); }

    /// Which pages are written from now on is logged.
    void start() { test_memory_.log_writes(true); }

    /// No longer; nothing is in the log. Returns how often a vCPU had to leave the guest because
    /// its ring was full.
    virtual std::uint64_t stop() = 0;

    /// Puts the log so far into `bitmap`, a bit for each page of the test memory. Pages stay in it
    /// until they are cleared.
    virtual void collect(std::span<std::uint64_t> bitmap) = 0;

    /// Takes the pages with a bit in `bitmap`, whose first is that of `first_page`, a multiple of
    /// 64, out of the log. Of each that is written after it returned, a later collect() tells.
    virtual void clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) = 0;

  protected:
    kvm::Vm& vm() const { return vm_; }
    TestMemory& test_memory() const { return test_memory_; }

    /// A processor may gather written pages by itself (Intel's page-modification logging), and KVM
    /// puts them into the log when the vCPU leaves the guest.
    void bring_vcpus_out() const { vcpus_.bring_out(); }

  private:
    kvm::Vm& vm_;
    const Vcpus& vcpus_;
    TestMemory& test_memory_;
};

/// The log of what enable_dirty_logging() `obtained` for `vm`; null if that is none.
std::unique_ptr<DirtyLog> make_dirty_log(const channel::DirtyLogging& obtained, kvm::Vm& vm,
                                         const Vcpus& vcpus, TestMemory& test_memory);

}  // namespace nestbed::vmm
