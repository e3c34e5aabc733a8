#include "vmm/diagnose/registers.hpp"

#include <fmt/format.h>

#include <iterator>
#include <span>

#include "shared/arch/control.hpp"

namespace nestbed::vmm {

namespace {

struct BitName {
    unsigned bit;
    const char* name;
};

// SDM Vol. 3A 2.5 "Control Registers".
constexpr BitName cr0_names[] = {{0, "PE"},  {1, "MP"},  {2, "EM"},  {3, "TS"},
                                 {4, "ET"},  {5, "NE"},  {16, "WP"}, {18, "AM"},
                                 {29, "NW"}, {30, "CD"}, {31, "PG"}};
constexpr BitName cr4_names[] = {
    {0, "VME"},         {1, "PVI"},    {2, "TSD"},      {3, "DE"},    {4, "PSE"},
    {5, "PAE"},         {6, "MCE"},    {7, "PGE"},      {8, "PCE"},   {9, "OSFXSR"},
    {10, "OSXMMEXCPT"}, {11, "UMIP"},  {12, "LA57"},    {13, "VMXE"}, {14, "SMXE"},
    {16, "FSGSBASE"},   {17, "PCIDE"}, {18, "OSXSAVE"}, {19, "KL"},   {20, "SMEP"},
    {21, "SMAP"},       {22, "PKE"},   {23, "CET"},     {24, "PKS"},  {25, "UINTR"}};
// SDM Vol. 3A 2.2.1 "Extended Feature Enable Register"; APM Vol. 2 3.1.7 for the AMD ones.
constexpr BitName efer_names[] = {{0, "SCE"},   {8, "LME"},    {10, "LMA"},   {11, "NXE"},
                                  {12, "SVME"}, {13, "LMSLE"}, {14, "FFXSR"}, {15, "TCE"}};
// SDM Vol. 3A 2.3 "System Flags", Vol. 1 3.4.3 "EFLAGS Register".
constexpr BitName rflags_names[] = {{0, "CF"},  {2, "PF"},   {4, "AF"},   {6, "ZF"},
                                    {7, "SF"},  {8, "TF"},   {9, "IF"},   {10, "DF"},
                                    {11, "OF"}, {14, "NT"},  {16, "RF"},  {17, "VM"},
                                    {18, "AC"}, {19, "VIF"}, {20, "VIP"}, {21, "ID"}};

std::string name_bits(std::uint64_t value, std::span<const BitName> names) {
    std::string text;
    const auto add = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
    for (const BitName& name : names) {
        const std::uint64_t bit = std::uint64_t{1} << name.bit;
        if ((value & bit) != 0) {
            add(name.name);
            value &= ~bit;
        }
    }
    if (value != 0) {
        add(fmt::format("{:#x}", value));
    }
    return text;
}

}  // namespace

std::string cr0_bits(std::uint64_t value) { return name_bits(value, cr0_names); }
std::string cr4_bits(std::uint64_t value) { return name_bits(value, cr4_names); }
std::string efer_bits(std::uint64_t value) { return name_bits(value, efer_names); }

std::string rflags_bits(std::uint64_t value) {
    constexpr unsigned iopl_shift = 12;
    constexpr std::uint64_t iopl_mask = 3U << iopl_shift;
    std::string text = name_bits(value & ~(iopl_mask | arch::rflags::reserved_one), rflags_names);
    if ((value & iopl_mask) != 0) {
        text +=
            fmt::format("{}IOPL={}", text.empty() ? "" : " ", (value & iopl_mask) >> iopl_shift);
    }
    return text;
}

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
    line("cr0 {:016x} [{}]", s.cr0, cr0_bits(s.cr0));
    line("cr2 {:016x}  cr3 {:016x}", s.cr2, s.cr3);
    line("cr4 {:016x} [{}]", s.cr4, cr4_bits(s.cr4));
    line("efer {:016x} [{}]", s.efer, efer_bits(s.efer));
    line(
        "cs {:04x}  ss {:04x}  ds {:04x}  es {:04x}  fs {:04x} base {:x}  gs {:04x} base {:x}  CPL "
        "{}",
        s.cs.selector, s.ss.selector, s.ds.selector, s.es.selector, s.fs.selector, s.fs.base,
        s.gs.selector, s.gs.base, state.privilege_level());
    line("idt {:016x} limit {:04x}  gdt {:016x} limit {:04x}  tr {:04x} base {:x}", s.idt.base,
         s.idt.limit, s.gdt.base, s.gdt.limit, s.tr.selector, s.tr.base);
    return text;
}

}  // namespace nestbed::vmm
