#include "vmm/diagnose/cpu_text.hpp"

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "shared/arch/control.hpp"
#include "shared/arch/exceptions.hpp"

namespace nestbed::vmm {

namespace {

using arch::Exception;
using arch::PageFaultError;
using paging::AccessMode;
using paging::AccessType;

using BitNames = std::span<const std::pair<unsigned, const char*>>;

// SDM Vol. 3A 2.5 "Control Registers".
constexpr std::pair<unsigned, const char*> cr0_names[] = {
    {0, "PE"},  {1, "MP"},  {2, "EM"},  {3, "TS"},  {4, "ET"}, {5, "NE"},
    {16, "WP"}, {18, "AM"}, {29, "NW"}, {30, "CD"}, {31, "PG"}};
constexpr std::pair<unsigned, const char*> cr4_names[] = {
    {0, "VME"},         {1, "PVI"},    {2, "TSD"},      {3, "DE"},    {4, "PSE"},
    {5, "PAE"},         {6, "MCE"},    {7, "PGE"},      {8, "PCE"},   {9, "OSFXSR"},
    {10, "OSXMMEXCPT"}, {11, "UMIP"},  {12, "LA57"},    {13, "VMXE"}, {14, "SMXE"},
    {16, "FSGSBASE"},   {17, "PCIDE"}, {18, "OSXSAVE"}, {19, "KL"},   {20, "SMEP"},
    {21, "SMAP"},       {22, "PKE"},   {23, "CET"},     {24, "PKS"},  {25, "UINTR"}};
// SDM Vol. 3A 2.2.1 "Extended Feature Enable Register"; APM Vol. 2 3.1.7 for the AMD ones.
constexpr std::pair<unsigned, const char*> efer_names[] = {
    {0, "SCE"},   {8, "LME"},    {10, "LMA"},   {11, "NXE"},
    {12, "SVME"}, {13, "LMSLE"}, {14, "FFXSR"}, {15, "TCE"}};
// SDM Vol. 3A 2.3 "System Flags", Vol. 1 3.4.3 "EFLAGS Register".
constexpr std::pair<unsigned, const char*> rflags_names[] = {
    {0, "CF"},  {2, "PF"},   {4, "AF"},   {6, "ZF"},  {7, "SF"},  {8, "TF"},
    {9, "IF"},  {10, "DF"},  {11, "OF"},  {14, "NT"}, {16, "RF"}, {17, "VM"},
    {18, "AC"}, {19, "VIF"}, {20, "VIP"}, {21, "ID"}};

/// The names of the bits that are set, "PE WP PG"; bits without a name are added as a number.
std::string name_bits(std::uint64_t value, BitNames names) {
    std::vector<std::string> words;
    for (const auto& [number, name] : names) {
        const std::uint64_t bit = std::uint64_t{1} << number;
        if ((value & bit) != 0) {
            words.emplace_back(name);
            value &= ~bit;
        }
    }
    if (value != 0) {
        words.push_back(fmt::format("{:#x}", value));
    }
    return fmt::format("{}", fmt::join(words, " "));
}

/// The same for RFLAGS; IOPL is shown if it is not 0, and bit 1, which is always set, is not.
std::string rflags_bits(std::uint64_t value) {
    constexpr unsigned iopl_shift = 12;
    constexpr std::uint64_t iopl_mask = 3U << iopl_shift;
    const std::string names =
        name_bits(value & ~(iopl_mask | arch::rflags::reserved_one), rflags_names);
    const std::uint64_t iopl = (value & iopl_mask) >> iopl_shift;
    return iopl == 0 ? names : fmt::format("{}{}IOPL={}", names, names.empty() ? "" : " ", iopl);
}

std::string segment_text(const char* name, const kvm_segment& segment) {
    return fmt::format("{} {:04x} base {:x}", name, segment.selector, segment.base);
}

const char* paging_text(PagingMode mode) {
    switch (mode) {
        case PagingMode::none:
            return "no paging";
        case PagingMode::bits_32:
            return "32-bit paging";
        case PagingMode::pae:
            return "PAE paging";
        case PagingMode::four_level:
            return "4-level paging";
        case PagingMode::five_level:
            return "5-level paging";
    }
    return "?";
}

/// Of a vCPU that is not in 64-bit mode: "protected mode, 32-bit code, PAE paging".
std::string mode_text(const CpuState& state) {
    const PagingMode paging = state.paging().mode;
    return fmt::format("{}, {}-bit code, {}",
                       state.is_in_real_mode()           ? "real mode"
                       : state.is_in_virtual_8086_mode() ? "virtual-8086 mode"
                       : is_long_mode(paging)            ? "compatibility mode"
                                                         : "protected mode",
                       static_cast<unsigned>(state.code_segment().size), paging_text(paging));
}

const char* page_fault_cause(PageFaultError error) {
    // Reserved comes first: by the SDM it comes with P, but in QEMU's software emulation without.
    return error.reserved()         ? "reserved bit set in an entry"
           : !error.present()       ? "page not present"
           : error.protection_key() ? "forbidden by the protection key"
                                    : "forbidden by the entries' rights";
}

paging::Access access_of(PageFaultError error) {
    return {.type = error.fetch()   ? AccessType::fetch
                    : error.write() ? AccessType::write
                                    : AccessType::read,
            .mode = error.user() ? AccessMode::user : AccessMode::supervisor};
}

}  // namespace

std::string show_registers(const CpuState& state) {
    const kvm_regs& r = state.general;
    const kvm_sregs& s = state.special;
    std::string text;
    const auto line = [&]<typename... Values>(fmt::format_string<Values...> format,
                                              Values&&... values) {
        fmt::format_to(std::back_inserter(text), format, std::forward<Values>(values)...);
        text += '\n';
    };
    line("rax {:016x}  rbx {:016x}  rcx {:016x}  rdx {:016x}", r.rax, r.rbx, r.rcx, r.rdx);
    line("rsi {:016x}  rdi {:016x}  rbp {:016x}  rsp {:016x}", r.rsi, r.rdi, r.rbp, r.rsp);
    line("r8  {:016x}  r9  {:016x}  r10 {:016x}  r11 {:016x}", r.r8, r.r9, r.r10, r.r11);
    line("r12 {:016x}  r13 {:016x}  r14 {:016x}  r15 {:016x}", r.r12, r.r13, r.r14, r.r15);
    line("rip {:016x}  rflags {:08x} [{}]", r.rip, r.rflags, rflags_bits(r.rflags));
    line("cr0 {:016x} [{}]", s.cr0, name_bits(s.cr0, cr0_names));
    line("cr2 {:016x}  cr3 {:016x}", s.cr2, s.cr3);
    line("cr4 {:016x} [{}]", s.cr4, name_bits(s.cr4, cr4_names));
    line("efer {:016x} [{}]", s.efer, name_bits(s.efer, efer_names));
    if (state.code_segment().size == CodeSize::bits_64) {
        line("cs {:04x}  ss {:04x}  ds {:04x}  es {:04x}  {}  {}  CPL {}", s.cs.selector,
             s.ss.selector, s.ds.selector, s.es.selector, segment_text("fs", s.fs),
             segment_text("gs", s.gs), state.privilege_level());
    } else {
        line("{}  {}  {}", segment_text("cs", s.cs), segment_text("ss", s.ss),
             segment_text("ds", s.ds));
        line("{}  {}  {}  CPL {}", segment_text("es", s.es), segment_text("fs", s.fs),
             segment_text("gs", s.gs), state.privilege_level());
        line("{}", mode_text(state));
    }
    line("idt {:016x} limit {:04x}  gdt {:016x} limit {:04x}  tr {:04x} base {:x}", s.idt.base,
         s.idt.limit, s.gdt.base, s.gdt.limit, s.tr.selector, s.tr.base);
    return text;
}

std::string access_text(paging::Access access) {
    return fmt::format("{} {}", access.mode == AccessMode::user ? "user" : "supervisor",
                       access.type == AccessType::fetch   ? "fetch"
                       : access.type == AccessType::write ? "write"
                                                          : "read");
}

paging::Access access_of(PageFaultError error, std::uint64_t address, std::uint64_t rip) {
    paging::Access access = access_of(error);
    // Without EFER.NXE and CR4.SMEP a fetch is reported as a read (SDM Vol. 3A 4.7).
    if (access.type == AccessType::read && address == rip) {
        access.type = AccessType::fetch;
    }
    return access;
}

std::string page_fault_text(PageFaultError error) {
    return fmt::format("{}, {}{}{}{}", access_text(access_of(error)), page_fault_cause(error),
                       error.shadow_stack() ? ", shadow-stack access" : "",
                       error.hlat() ? ", during HLAT paging" : "",
                       error.sgx() ? ", by SGX access control" : "");
}

std::string selector_error_text(std::uint32_t error) {
    // SDM Vol. 3A 6.13 "Error Code": EXT, IDT, TI, then the selector's index.
    if (error == 0) {
        return "no selector";
    }
    const bool external = (error & 1) != 0;
    const bool idt = (error & 2) != 0;
    const bool ldt = (error & 4) != 0;
    return (idt ? fmt::format("gate {:#x} of the IDT", error >> 3)
                : fmt::format("selector {:#x} of the {}", error & ~7U, ldt ? "LDT" : "GDT")) +
           (external ? ", while delivering an event" : "");
}

std::string exception_text(const channel::TrapFrame& trap, std::uint64_t cr2) {
    if (trap.vector > 0xFF) {
        return fmt::format("a trap with the impossible vector {:#x}: its report is damaged",
                           trap.vector);
    }
    const auto vector = static_cast<std::uint8_t>(trap.vector);
    if (vector >= arch::first_interrupt_vector) {
        return fmt::format("interrupt {:#x}, which has no handler", vector);
    }
    const char* name = arch::exception_name(vector);
    const auto error = static_cast<std::uint32_t>(trap.error_code);
    switch (static_cast<Exception>(vector)) {
        case Exception::page_fault:
            return fmt::format("{} at {:#x}: {} (error code {:#x})", name, cr2,
                               page_fault_text(PageFaultError(error)), error);
        case Exception::invalid_tss:
        case Exception::segment_not_present:
        case Exception::stack_fault:
        case Exception::general_protection:
            return fmt::format("{}: {} (error code {:#x})", name, selector_error_text(error),
                               error);
        default:
            return arch::pushes_error_code(vector)
                       ? fmt::format("{} (error code {:#x})", name, error)
                       : name;
    }
}

}  // namespace nestbed::vmm
