#include "vmm/diagnose/exception_text.hpp"

#include <fmt/format.h>

#include "shared/arch/exceptions.hpp"

namespace nestbed::vmm {

namespace {

using arch::Exception;
using arch::PageFaultError;

std::string page_fault_cause(PageFaultError error) {
    // First: it comes with P by the SDM, but in QEMU's software emulation without.
    if (error.reserved()) {
        return "reserved bit set in an entry";
    }
    if (!error.present()) {
        return "page not present";
    }
    if (error.protection_key()) {
        return "forbidden by the protection key";
    }
    return "forbidden by the entries' rights";
}

bool has_selector(Exception exception) {
    switch (exception) {
        case Exception::invalid_tss:
        case Exception::segment_not_present:
        case Exception::stack_fault:
        case Exception::general_protection:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::string page_fault_text(PageFaultError error) {
    std::string text = error.user() ? "user " : "supervisor ";
    text += error.fetch() ? "fetch" : error.write() ? "write" : "read";
    text += ", " + page_fault_cause(error);
    if (error.shadow_stack()) {
        text += ", shadow-stack access";
    }
    if (error.hlat()) {
        text += ", during HLAT paging";
    }
    if (error.sgx()) {
        text += ", by SGX access control";
    }
    return text;
}

std::string selector_error_text(std::uint32_t error) {
    // SDM Vol. 3A 6.13 "Error Code": EXT, IDT, TI, then the selector's index.
    if (error == 0) {
        return "no selector";
    }
    const bool external = (error & 1) != 0;
    const bool idt = (error & 2) != 0;
    const bool ldt = (error & 4) != 0;
    std::string text =
        idt ? fmt::format("gate {:#x} of the IDT", error >> 3)
            : fmt::format("selector {:#x} of the {}", error & ~7U, ldt ? "LDT" : "GDT");
    return external ? text + ", while delivering an event" : text;
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
    const auto exception = static_cast<Exception>(vector);
    if (exception == Exception::page_fault) {
        return fmt::format("{} at {:#x}: {} (error code {:#x})", name, cr2,
                           page_fault_text(PageFaultError(error)), error);
    }
    if (has_selector(exception)) {
        return fmt::format("{}: {} (error code {:#x})", name, selector_error_text(error), error);
    }
    if (arch::pushes_error_code(vector)) {
        return fmt::format("{} (error code {:#x})", name, error);
    }
    return name;
}

}  // namespace nestbed::vmm
