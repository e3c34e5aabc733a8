// What a checkout of kvm-unit-tests has in its files, and what its scripts give their QEMU: each
// taken within limits, or refused as what it is.

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fuzz/target.hpp"
#include "vmm/base/error.hpp"
#include "vmm/kut/environment.hpp"
#include "vmm/kut/qemu_options.hpp"
#include "vmm/kut/shell_words.hpp"
#include "vmm/kut/unittests_cfg.hpp"
#include "vmm/pc/cpu_model.hpp"
#include "vmm/pc/cpuid_leaves.hpp"

namespace nestbed {
namespace {

using Error = vmm::Error;
using Kind = vmm::ErrorKind;

/// A KVM that offers every feature of some leaves.
kvm::CpuidList offered_by_kvm() {
    constexpr std::uint32_t all = ~std::uint32_t{0};
    kvm::CpuidList list;
    list.count = 0;
    for (const std::uint32_t leaf : {0U, 1U, 7U, 0xDU, 0x4000'0000U, 0x4000'0001U, 0x8000'0000U,
                                     0x8000'0001U, 0x8000'0008U, 0x8000'000AU}) {
        kvm_cpuid_entry2& entry = list.entries[list.count++];
        entry.function = leaf;
        entry.eax = leaf == 0x8000'0008 ? 0x392E : leaf;
        entry.ebx = entry.ecx = entry.edx = all;
    }
    return list;
}

/// No processor has what KVM does not offer.
void make_processor(const vmm::CpuModel& model) {
    static const kvm::CpuidList offered = offered_by_kvm();
    for (const std::string& warning : vmm::cpu_warnings(model, offered)) {
        fuzz::require(warning.starts_with("warning: "), "a warning says that it is one");
    }
    const kvm::CpuidList list = vmm::cpuid_of(model, offered, 1, 2, nullptr);
    fuzz::require(list.count <= offered.count, "no leaf comes from nowhere");
    if (const kvm_cpuid_entry2* sizes = vmm::find_leaf(list, 0x8000'0008)) {
        fuzz::require((sizes->eax & 0xFF) <= 46, "no more address bits than the host has");
    }
}

void read_options(const std::vector<std::string>& words) {
    const vmm::QemuRequest request = vmm::read_qemu_options(words);
    fuzz::require(request.pc.cpus >= 1 && request.pc.cpus <= vmm::most_pc_cpus,
                  "there are so many CPUs");
    fuzz::require(request.pc.memory % (1U << 20) == 0 && request.pc.memory != 0 &&
                      request.pc.memory <= vmm::most_pc_memory,
                  "there is so much memory");
    for (const std::string& warning : request.warnings) {
        fuzz::require(warning.find("warning") != std::string::npos, "a warning says so");
    }
    make_processor(request.pc.cpu);
}

std::vector<std::string> split_words(const std::string& text) {
    static const vmm::ShellContext context{.variables = {{"MAX_SMP", "4"}}};
    return vmm::shell_words(text, context);
}

void read_list(const std::string& text) {
    for (const vmm::UnittestsEntry& entry : vmm::parse_unittests_cfg(text, "list")) {
        fuzz::require(!entry.name.empty() && !entry.file.empty(), "a test has a name and a file");
        fuzz::require(std::ranges::none_of(entry.groups, &std::string::empty),
                      "a group has a name");
    }
}

void read_errata(const std::string& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const vmm::KutHost host{.kernel_release = text.substr(0, std::min<std::size_t>(end, 64))};
    fuzz::require(
        vmm::kut_environment(host, text.substr(end), "errata").size() <= vmm::largest_environment,
        "an environment is not too large");
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(kut) {
    using namespace nestbed;
    fuzz::Choices choices(input);
    const std::uint8_t kind = choices.below(4);
    const std::string text(fuzz::text_of(choices.rest()));
    try {
        switch (kind) {
            case 0:
                static_cast<void>(split_words(text));
                return;
            case 1:
                return read_options(split_words(text));
            case 2:
                return read_list(text);
            default:
                return read_errata(text);
        }
    } catch (const Error& error) {
        fuzz::require(error.kind() == Kind::input || (kind == 1 && error.kind() == Kind::usage),
                      "what is wrong with it is the text");
    }
}
