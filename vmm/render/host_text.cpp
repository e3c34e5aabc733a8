#include "vmm/render/host_text.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/version.hpp"
#include "vmm/result/trust.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t page_width = 100;

Table facts() { return Table({{"", Table::Align::left}, {"", Table::Align::left}}); }

std::string huge_pages_text(const HugePages& pages) {
    const char* const backing = pages.kib == 2048 ? "hugetlb-2m" : "hugetlb-1g";
    return fmt::format("{} in all, {} free{}", pages.total, pages.free,
                       pages.total == 0 ? fmt::format(" (--backing {} needs some: {})", backing,
                                                      huge_page_command(pages, "N"))
                                        : "");
}

std::string paging_text(const HostDescription& host) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> explanations{{
        {"ept", "EPT (nested paging in hardware, Intel)"},
        {"npt", "NPT (nested paging in hardware, AMD)"},
        {"shadow", "shadow paging by KVM"},
        {"pvm", "PVM (shadow paging by KVM, no VMX or SVM)"},
    }};
    for (const auto& [name, explanation] : explanations) {
        if (name == host.paging) {
            return std::string(explanation);
        }
    }
    return "unknown";
}

std::string host_facts(const HostDescription& host) {
    Table table = facts();
    table.add_row({"CPU", host.cpu});
    table.add_row({"usable", fmt::format("{}, {:.1f} GiB of memory", counted(host.cores, "core"),
                                         static_cast<double>(host.memory) / (1 << 30))});
    table.add_row({"kernel", "Linux " + host.kernel});
    table.add_row({"nested", !host.nested              ? "no"
                             : host.hypervisor.empty() ? "yes, this host is a virtual machine"
                                                       : "yes, this host is a virtual machine of " +
                                                             printable(host.hypervisor)});
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
    for (const HugePages& pages : host.huge_pages) {
        table.add_row({size_text(pages.kib << 10) + " pages", huge_pages_text(pages)});
    }
    table.add_row({"transparent", host.transparent_huge_pages.empty()
                                      ? "this kernel has no transparent huge pages"
                                      : "huge pages: " + host.transparent_huge_pages});
    table.add_row(
        {"TSC", fmt::format("{} rate, {}; the kernel's clock is {}",
                            host.tsc.constant ? "constant" : "varying",
                            host.tsc.nonstop ? "never stops" : "stops in deep sleep",
                            host.tsc.clocksource.empty() ? "unknown" : host.tsc.clocksource)});
    table.add_row({"disassembler",
                   host.disassembler ? "Zydis" : "none: diagnoses show bytes (install libzydis)"});
    return "Host\n" + table.text(2);
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
    std::string names;
    for (const auto& [value, name] : all) {
        if ((value != 0) == present) {
            names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
        }
    }
    return names.empty() ? "none" : names;
}

std::string kvm_facts(const HostDescription& host) {
    Table table = facts();
    table.add_row({"module", host.kvm_module.empty() ? "none" : host.kvm_module});
    table.add_row({"paging", paging_text(host)});
    std::string line;
    for (const auto& [name, value] : host.parameters) {
        line += fmt::format("{}{}={}", line.empty() ? "" : " ", name, value);
    }
    std::string label = "parameters";
    for (const std::string& part : wrapped(line, page_width - 20)) {
        table.add_row({std::exchange(label, ""), part});
    }
    if (!host.kvm) {
        table.add_row({"/dev/kvm", "cannot be used"});
        return "KVM\n" + table.text(2);
    }
    table.add_row({"API", fmt::format("version {}", host.kvm->api_version)});
    table.add_row({"vCPUs", fmt::format("{} recommended, at most {}", host.kvm->recommended_cpus,
                                        host.kvm->max_cpus)});
    table.add_row({"guests get", fmt::format("{}; {} bits of physical address",
                                             feature_names(host.kvm->features, true),
                                             host.kvm->features.max_physical_bits)});
    table.add_row({"guests lack", feature_names(host.kvm->features, false)});
    table.add_row({"guest TSC",
                   host.kvm->tsc_khz == 0
                       ? "KVM does not say how fast"
                       : fmt::format("{:.3f} MHz", static_cast<double>(host.kvm->tsc_khz) / 1000)});
    return "KVM\n" + table.text(2);
}

std::string instruction_text(double cycles) {
    return fmt::format("{:.{}f}", cycles, cycles < 10 ? 2 : 0);
}

/// A calibrated figure: what it is, in cycles, in µs.
class CalibrationTable {
  public:
    explicit CalibrationTable(std::uint64_t tsc_khz) : tsc_khz_(tsc_khz) {}

    void add(const char* what, const std::optional<double>& cycles) {
        if (cycles) {
            row(what, "", instruction_text(*cycles), time(*cycles, 4));
        }
    }
    void add(const char* what, const std::optional<Distribution>& d) {
        if (d) {
            row(what, "min", fmt::format("{}", d->min), time(static_cast<double>(d->min), 2));
            row("", "median", fmt::format("{}", d->p50), time(static_cast<double>(d->p50), 2));
            row("", "p99", fmt::format("{}", d->p99), time(static_cast<double>(d->p99), 2));
        }
    }
    void add(const char* what, const std::optional<TscOffset>& offset) {
        if (offset) {
            row(what, "", fmt::format("{} ± {}", offset->cycles, offset->bound),
                time(static_cast<double>(offset->cycles), 3));
        }
    }
    std::string text() const { return table_.text(2); }

  private:
    void row(const char* what, const char* figure, std::string cycles, std::string time) {
        table_.add_row({what, figure, std::move(cycles), std::move(time)});
    }
    std::string time(double cycles, int digits) const {
        return tsc_khz_ == 0 ? "" : fmt::format("{:.{}f}", microseconds(cycles, tsc_khz_), digits);
    }

    std::uint64_t tsc_khz_;
    Table table_{{{"", Table::Align::left}, {"", Table::Align::left}, {"cycles"}, {"µs"}}};
};

std::string calibration_facts(const Calibration& calibration) {
    CalibrationTable table(calibration.tsc_khz);
    table.add("instruction at CPL 0", calibration.kernel_cycles_per_instruction);
    table.add("instruction at CPL 3", calibration.user_cycles_per_instruction);
    table.add("exit to user space and back", calibration.exit_round_trip);
    table.add("IPI and answer, target in HLT", calibration.ipi_to_halted);
    table.add("IPI and answer, target spinning", calibration.ipi_to_spinning);
    table.add("TSC of vCPU 1 less vCPU 0's", calibration.tsc_offset);
    std::string text =
        fmt::format("Calibration (measured just now, in {})\n", duration(calibration.seconds)) +
        table.text();
    if (calibration.hypercalls) {
        text += fmt::format("  hypercalls (VMCALL, VMMCALL) {}\n",
                            *calibration.hypercalls ? "come back" : "do not come back");
    }
    for (const std::string& problem : calibration.problems) {
        text += "  not measured: " + printable(problem) + "\n";
    }
    return text;
}

std::string trust_text(const HostDescription& host, const std::optional<Calibration>& calibration) {
    const Trust trust = judge_timings(host, calibration);
    std::string text =
        fmt::format("How far timings can be trusted here: {}\n", trust_name(trust.level));
    for (const std::string& remark : trust.remarks) {
        const char* bullet = "  - ";
        for (const std::string& line : wrapped(remark, page_width - 4)) {
            text += std::exchange(bullet, "    ") + line + "\n";
        }
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

std::string median_us(const Distribution& d, std::uint64_t tsc_khz) {
    return tsc_khz == 0
               ? fmt::format("{} cycles", d.p50)
               : fmt::format("{:.1f} µs", microseconds(static_cast<double>(d.p50), tsc_khz));
}

}  // namespace

std::string host_text(const HostDescription& host, const std::optional<Calibration>& calibration) {
    std::string text = fmt::format("nestbed {}\n\n", version);
    text += host_facts(host) + "\n" + kvm_facts(host);
    if (calibration) {
        text += "\n" + calibration_facts(*calibration) + "\n" + trust_text(host, calibration);
    }
    return text;
}

std::string calibration_text(const HostDescription& host, const Calibration& calibration) {
    std::vector<std::string> parts;
    if (const auto& cycles = calibration.kernel_cycles_per_instruction) {
        parts.push_back("CPL 0 " + instruction_text(*cycles) + " cycles/instruction");
    }
    if (const auto& cycles = calibration.user_cycles_per_instruction) {
        parts.push_back("CPL 3 " + instruction_text(*cycles));
    }
    const auto add_median = [&](const char* name, const std::optional<Distribution>& d) {
        if (d) {
            parts.push_back(fmt::format("{} {}", name, median_us(*d, calibration.tsc_khz)));
        }
    };
    add_median("exit", calibration.exit_round_trip);
    add_median("IPI to HLT", calibration.ipi_to_halted);
    add_median("IPI to spin", calibration.ipi_to_spinning);
    if (const auto& offset = calibration.tsc_offset) {
        parts.push_back(fmt::format("TSC offset {} ± {} cycles", offset->cycles, offset->bound));
    }
    std::string line;
    for (const std::string& part : parts) {
        line += (line.empty() ? "" : "; ") + part;
    }
    std::string text = fmt::format("calibration: {}\n", line.empty() ? "none" : line);
    for (const std::string& part : wrapped(short_trust_text(host, calibration), page_width)) {
        text += part + "\n";
    }
    return text;
}

}  // namespace nestbed::vmm
