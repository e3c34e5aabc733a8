#include "vmm/services/dirty_log.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/services/dirty_rings.hpp"

namespace nestbed::vmm {

namespace {

using channel::DirtyLogging;
using channel::DirtyLogKind;

/// A ring is a page at least.
constexpr std::uint32_t least_entries = 4096 / sizeof(kvm_dirty_gfn);

/// The capability under whose name this KVM has dirty rings; nothing if it has none.
std::optional<std::uint32_t> ring_capability(const kvm::System& system) {
    // Of the same meaning on x86; kernels before 6.1 know only the second.
    for (const std::uint32_t capability :
         {std::uint32_t{KVM_CAP_DIRTY_LOG_RING_ACQ_REL}, std::uint32_t{KVM_CAP_DIRTY_LOG_RING}}) {
        if (system.extension(static_cast<int>(capability)) > 0) {
            return capability;
        }
    }
    return std::nullopt;
}

std::optional<std::string> objection_to_ring(const DirtyLogging& wanted,
                                             const kvm::System& system) {
    const auto capability = ring_capability(system);
    if (!capability) {
        return "this host's KVM has no dirty rings (KVM_CAP_DIRTY_LOG_RING)";
    }
    const auto most = static_cast<std::uint32_t>(system.extension(static_cast<int>(*capability))) /
                      sizeof(kvm_dirty_gfn);
    if (wanted.ring_entries > most) {
        return fmt::format("dirty rings of this host's KVM have {} entries at most", most);
    }
    return std::nullopt;
}

std::uint64_t bitmap_flags(const DirtyLogging& wanted) {
    return KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
           (wanted.initially_set != 0 ? KVM_DIRTY_LOG_INITIALLY_SET : 0);
}

std::optional<std::string> objection_to_bitmap(const DirtyLogging& wanted,
                                               const kvm::System& system) {
    const auto offered =
        static_cast<std::uint64_t>(system.extension(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2));
    if ((offered & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) == 0) {
        return "this host's KVM has no dirty bitmap that is cleared by hand "
               "(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)";
    }
    if ((bitmap_flags(wanted) & ~offered) != 0) {
        return "this host's KVM has no dirty bitmap that begins with all pages set "
               "(KVM_DIRTY_LOG_INITIALLY_SET)";
    }
    return std::nullopt;
}

[[noreturn]] void throw_refusal(const char* what, int error) {
    throw_error(ErrorKind::kernel_refused, "KVM refuses {}: {}", what, std::strerror(error));
}

std::uint32_t enable_ring(std::uint32_t entries, const kvm::System& system, kvm::Vm& vm) {
    const std::uint32_t capability = ring_capability(system).value_or(KVM_CAP_DIRTY_LOG_RING);
    const auto enable = [&](std::uint32_t count) {
        return vm.enable_capability(capability, count * sizeof(kvm_dirty_gfn));
    };
    if (entries != 0) {
        if (const int error = enable(entries)) {
            throw_refusal(fmt::format("dirty rings of {} entries", entries).c_str(), error);
        }
        return entries;
    }
    // How many KVM keeps in reserve, which it refuses to have fewer than, depends on the processor.
    int error = 0;
    for (entries = least_entries; entries <= channel::max_dirty_ring_entries; entries *= 2) {
        error = enable(entries);
        if (error != EINVAL) {
            break;
        }
    }
    if (error != 0) {
        throw_refusal("dirty rings of any size", error);
    }
    return entries;
}

class DirtyBitmap final : public DirtyLog {
  public:
    using DirtyLog::DirtyLog;

    std::uint64_t stop() override {
        test_memory().log_writes(false);
        return 0;
    }
    void collect(std::span<std::uint64_t> bitmap) override {
        // KVM kicks the vCPUs for that, too, but does not wait until they are out.
        bring_vcpus_out();
        vm().get_dirty_log(test_memory().slot(), bitmap);
    }
    void clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) override {
        vm().clear_dirty_log(test_memory().slot(), first_page, bitmap);
    }
};

}  // namespace

std::optional<std::string> objection_to(const DirtyLogging& wanted, const kvm::System& system) {
    switch (wanted.kind) {
        case DirtyLogKind::none:
            return std::nullopt;
        case DirtyLogKind::bitmap:
            return objection_to_bitmap(wanted, system);
        case DirtyLogKind::ring:
            return objection_to_ring(wanted, system);
    }
    return "there is no such dirty log";
}

DirtyLogging enable_dirty_logging(const DirtyLogging& wanted, const kvm::System& system,
                                  kvm::Vm& vm) {
    DirtyLogging obtained = wanted;
    if (wanted.kind == DirtyLogKind::bitmap) {
        const int error =
            vm.enable_capability(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, bitmap_flags(wanted));
        if (error != 0) {
            throw_refusal("a dirty bitmap that is cleared by hand", error);
        }
    } else if (wanted.kind == DirtyLogKind::ring) {
        obtained.ring_entries = enable_ring(wanted.ring_entries, system, vm);
    }
    return obtained;
}

std::unique_ptr<DirtyLog> make_dirty_log(const DirtyLogging& obtained, kvm::Vm& vm,
                                         const Vcpus& vcpus, TestMemory& test_memory) {
    switch (obtained.kind) {
        case DirtyLogKind::none:
            break;
        case DirtyLogKind::bitmap:
            return std::make_unique<DirtyBitmap>(vm, vcpus, test_memory);
        case DirtyLogKind::ring:
            return std::make_unique<DirtyRings>(vm, vcpus, test_memory, obtained.ring_entries);
    }
    return nullptr;
}

}  // namespace nestbed::vmm
