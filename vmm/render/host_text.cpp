#include "vmm/render/host_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/circumstances_text.hpp"
#include "vmm/result/trust.hpp"

namespace nestbed::vmm {

namespace {

constexpr char not_known[] = "not known";

std::string text_or_not_known(const std::optional<std::string>& fact) {
    return fact ? printable(*fact) : not_known;
}

std::string huge_pages_text(const HugePages& pages) {
    if (!pages.total || !pages.free) {
        return not_known;
    }
    const char* const backing = pages.kib == 2048 ? "hugetlb-2m" : "hugetlb-1g";
    return fmt::format("{} in all, {} free{}", *pages.total, *pages.free,
                       *pages.total == 0 ? fmt::format(" (--backing {} needs some: {})", backing,
                                                       huge_page_command(pages, "N"))
                                         : "");
}

std::string paging_text(const std::optional<std::string>& paging) {
    return paging == "ept"      ? "EPT (nested paging in hardware, Intel)"
           : paging == "npt"    ? "NPT (nested paging in hardware, AMD)"
           : paging == "shadow" ? "shadow paging by KVM"
           : paging == "pvm"    ? "PVM (shadow paging by KVM, no VMX or SVM)"
                                : not_known;
}

std::string usable_text(const HostDescription& host) {
    constexpr double gib = 1 << 30;
    return fmt::format(
        "{}, {}", host.cores ? counted(*host.cores, "core") : "cores: not known",
        host.memory ? fmt::format("{:.1f} GiB of memory", static_cast<double>(*host.memory) / gib)
                    : "memory: not known");
}

std::string nesting_text(const HostDescription& host) {
    return !host.nested ? "no"
                        : "yes, this host is a virtual machine" +
                              (host.hypervisor ? " of " + printable(*host.hypervisor) : "");
}

/// Transparent ones included.
void add_huge_pages(Table& table, const HostDescription& host) {
    if (!host.huge_pages) {
        table.add_row({"huge pages", not_known});
    }
    for (const HugePages& pages : host.huge_pages.value_or(std::vector<HugePages>{})) {
        table.add_row({size_text(pages.kib << 10) + " pages", huge_pages_text(pages)});
    }
    table.add_row(
        {"transparent", host.transparent_huge_pages == ""
                            ? "this kernel has no transparent huge pages"
                            : "huge pages: " + text_or_not_known(host.transparent_huge_pages)});
}

std::string tsc_text(const TscDescription& tsc) {
    const auto either = [](const std::optional<bool>& fact, const char* yes, const char* no,
                           const char* unknown) {
        return !fact ? unknown : *fact ? yes : no;
    };
    return fmt::format(
        "{}, {}; the kernel's clock is {}",
        either(tsc.constant, "constant rate", "varying rate", "rate: not known"),
        either(tsc.nonstop, "never stops", "stops in deep sleep", "in deep sleep: not known"),
        text_or_not_known(tsc.clocksource));
}

std::string host_facts(const HostDescription& host, std::size_t width) {
    Table table = Table::of_facts();
    table.add_row({"CPU", text_or_not_known(host.cpu)});
    table.add_row({"usable", usable_text(host)});
    table.add_row({"kernel", "Linux " + host.kernel.value_or("of a version that is not known")});
    table.add_row({"nested", nesting_text(host)});
    if (const auto& machine = host.emulated) {
        table.add_row(
            {"emulated",
             fmt::format(
                 "by {}, CPU model {}, with {}{}", printable(machine->emulator),
                 printable(machine->cpu_model),
                 machine->kernel_package.empty() ? "a kernel given by hand"
                                                 : printable(machine->kernel_package),
                 machine->retries == 0
                     ? ""
                     : fmt::format("; {} before it hung", counted(machine->retries, "machine")))});
    }
    add_huge_pages(table, host);
    table.add_row({"TSC", tsc_text(host.tsc)});
    return "Host\n" + table.text(2, width);
}

/// Names of the paging features that guests get, or of those that they do not.
std::string feature_names(const channel::Features& features, bool present) {
    const std::array<std::pair<std::uint8_t, const char*>, 9> all{
        {{features.no_execute, "NX"},
         {features.page_1g, "1 GiB pages"},
         {features.la57, "LA57"},
         {features.pcid, "PCID"},
         {features.invpcid, "INVPCID"},
         {features.smep, "SMEP"},
         {features.smap, "SMAP"},
         {features.pku, "PKU"},
         {features.pks, "PKS"}}};
    std::vector<const char*> names;
    for (const auto& [value, name] : all) {
        if ((value != 0) == present) {
            names.push_back(name);
        }
    }
    return names.empty() ? "none" : fmt::to_string(fmt::join(names, ", "));
}

std::string kvm_facts(const HostDescription& host, std::size_t width) {
    Table table = Table::of_facts();
    table.add_row({"module", host.kvm_module == "" ? "none" : text_or_not_known(host.kvm_module)});
    table.add_row({"paging", paging_text(host.paging)});
    std::string line;
    for (const auto& [name, value] : host.parameters) {
        line += fmt::format("{}{}={}", line.empty() ? "" : " ", printable(name),
                            value ? printable(*value) : "?");
    }
    if (!line.empty()) {
        table.add_row({"parameters", line});
    }
    if (!host.kvm) {
        table.add_row({"/dev/kvm", "cannot be used"});
        return "KVM\n" + table.text(2, width);
    }
    const KvmDescription& kvm = *host.kvm;
    table.add_row({"API", fmt::format("version {}", kvm.api_version)});
    table.add_row(
        {"vCPUs", fmt::format("{} recommended, at most {}", kvm.recommended_cpus, kvm.max_cpus)});
    table.add_row({"guests get",
                   fmt::format("{}; {} bits of physical address", feature_names(kvm.features, true),
                               kvm.features.max_physical_bits)});
    table.add_row({"guests lack", feature_names(kvm.features, false)});
    table.add_row({"guest TSC",
                   kvm.tsc_khz ? fmt::format("{:.3f} MHz", static_cast<double>(*kvm.tsc_khz) / 1000)
                               : "KVM does not say how fast"});
    return "KVM\n" + table.text(2, width);
}

std::string instruction_text(double cycles) {
    return fmt::format("{:.{}f}", cycles, cycles < 10 ? 2 : 0);
}

/// Each calibrated figure in cycles and as a time.
Table calibration_table(const Calibration& calibration) {
    const Table::Column key{.title = "", .align = Table::Align::left, .is_key = true};
    Table table({key, key, {"cycles"}, {"time"}});
    const auto add = [&](const char* what, const char* figure, std::string text, auto cycles) {
        const std::uint64_t khz = calibration.tsc_khz;
        table.add_row({what, figure, std::move(text),
                       khz == 0 ? "" : duration(seconds(static_cast<double>(cycles), khz))});
    };
    for (const auto& [what, cycles] :
         {std::pair{"instruction at CPL 0", calibration.kernel_cycles_per_instruction},
          {"instruction at CPL 3", calibration.user_cycles_per_instruction}}) {
        if (cycles) {
            add(what, "", instruction_text(*cycles), *cycles);
        }
    }
    for (const auto& [what, d] :
         {std::pair{"exit to user space and back", calibration.exit_round_trip},
          {"IPI and answer, target in HLT", calibration.ipi_to_halted},
          {"IPI and answer, target spinning", calibration.ipi_to_spinning}}) {
        if (d) {
            add(what, "min", fmt::to_string(d->min), d->min);
            add("", "median", fmt::to_string(d->p50), d->p50);
            add("", "p99", fmt::to_string(d->p99), d->p99);
        }
    }
    constexpr char offset_name[] = "TSC of vCPU 1 less vCPU 0's";
    if (const auto offset = calibration.measurable_tsc_offset()) {
        add(offset_name, "", fmt::format("{} ± {}", offset->cycles, offset->bound), offset->cycles);
    } else if (calibration.tsc_offset) {
        table.add_row({offset_name, "", "not measurable"});
    }
    return table;
}

/// Behind a mark, and below it where it goes on.
std::string remark_text(std::string_view mark, std::string_view remark, std::size_t width) {
    const std::string margin(mark.size(), ' ');
    return fmt::format(
        "{}{}\n", mark,
        fmt::join(wrapped(remark, width - std::min(width, mark.size())), "\n" + margin));
}

std::string calibration_facts(const Calibration& calibration, std::size_t width) {
    std::string text =
        fmt::format("Calibration (measured just now, in {})\n", duration(calibration.seconds)) +
        calibration_table(calibration).text(2, width);
    if (calibration.hypercalls) {
        text += fmt::format("  hypercalls (VMCALL, VMMCALL) {}\n",
                            *calibration.hypercalls ? "come back" : "do not come back");
    }
    for (const std::string& problem : calibration.problems) {
        text += remark_text("  ", "not measured: " + printable(problem), width);
    }
    return text;
}

std::string trust_text(const HostDescription& host, const std::optional<Calibration>& calibration,
                       std::size_t width) {
    const Trust trust = judge_timings(host, calibration);
    std::string text =
        fmt::format("How far timings can be trusted here: {}\n", trust_name(trust.level));
    for (const std::string& remark : trust.remarks) {
        text += remark_text("  - ", remark, width);
    }
    return text;
}

/// The weightiest remark alone.
std::string short_trust_text(const HostDescription& host, const Calibration& calibration) {
    const Trust trust = judge_timings(host, calibration);
    return fmt::format("timings here: {}. {}{}", trust_name(trust.level), trust.remarks.front(),
                       trust.remarks.size() == 1
                           ? ""
                           : fmt::format(" (nestbed doctor has {} more)",
                                         counted(trust.remarks.size() - 1, "remark")));
}

}  // namespace

std::string host_text(const Provenance& provenance, const HostDescription& host,
                      const std::optional<Calibration>& calibration, std::size_t width) {
    width = std::min(width, page_width);
    std::string text = fmt::format("nestbed {}\n\n", NESTBED_VERSION);
    text += host_facts(host, width) + "\n" + circumstances_text(provenance, width) + "\n" +
            kvm_facts(host, width);
    if (calibration) {
        text += "\n" + calibration_facts(*calibration, width) + "\n" +
                trust_text(host, calibration, width);
    }
    return text;
}

std::string calibration_text(const HostDescription& host, const Calibration& calibration,
                             std::size_t width) {
    const std::uint64_t khz = calibration.tsc_khz;
    std::vector<std::string> parts;
    if (const auto& cycles = calibration.kernel_cycles_per_instruction) {
        parts.push_back("CPL 0 " + instruction_text(*cycles) + " cycles/instruction");
    }
    if (const auto& cycles = calibration.user_cycles_per_instruction) {
        parts.push_back("CPL 3 " + instruction_text(*cycles));
    }
    for (const auto& [name, d] : {std::pair{"exit", calibration.exit_round_trip},
                                  {"IPI to HLT", calibration.ipi_to_halted},
                                  {"IPI to spin", calibration.ipi_to_spinning}}) {
        if (d && khz == 0) {
            parts.push_back(fmt::format("{} {} cycles", name, d->p50));
        } else if (d) {
            parts.push_back(
                fmt::format("{} {}", name, duration(seconds(static_cast<double>(d->p50), khz))));
        }
    }
    if (const auto offset = calibration.measurable_tsc_offset()) {
        parts.push_back(fmt::format("TSC offset {} ± {} cycles", offset->cycles, offset->bound));
    } else if (calibration.tsc_offset) {
        parts.emplace_back("TSC offset not measurable");
    }
    const std::string line = parts.empty() ? "none" : fmt::to_string(fmt::join(parts, "; "));
    return paragraphs(fmt::format("calibration: {}\n{}", line, short_trust_text(host, calibration)),
                      width);
}

}  // namespace nestbed::vmm
