#include "vmm/diagnose/exception_text.hpp"

#include <gtest/gtest.h>

namespace nestbed::vmm {
namespace {

using arch::PageFaultError;

channel::TrapFrame trap(std::uint64_t vector, std::uint64_t error_code = 0) {
    channel::TrapFrame frame{};
    frame.vector = vector;
    frame.error_code = error_code;
    return frame;
}

TEST(ExceptionText, PageFaultErrorCodesSayWhoDidWhatAndWhy) {
    EXPECT_EQ(page_fault_text(PageFaultError(0x0)), "supervisor read, page not present");
    EXPECT_EQ(page_fault_text(PageFaultError(0x2)), "supervisor write, page not present");
    EXPECT_EQ(page_fault_text(PageFaultError(0x6)), "user write, page not present");
    EXPECT_EQ(page_fault_text(PageFaultError(0x7)), "user write, forbidden by the entries' rights");
    EXPECT_EQ(page_fault_text(PageFaultError(0x11)),
              "supervisor fetch, forbidden by the entries' rights");
    EXPECT_EQ(page_fault_text(PageFaultError(0x9)),
              "supervisor read, reserved bit set in an entry");
    EXPECT_EQ(page_fault_text(PageFaultError(0x25)), "user read, forbidden by the protection key");
    EXPECT_EQ(page_fault_text(PageFaultError(0x47)),
              "user write, forbidden by the entries' rights, shadow-stack access");
}

TEST(ExceptionText, SelectorErrorCodesNameTheirTable) {
    EXPECT_EQ(selector_error_text(0), "no selector");
    EXPECT_EQ(selector_error_text(0x18), "selector 0x18 of the GDT");
    EXPECT_EQ(selector_error_text(0x1C), "selector 0x18 of the LDT");
    EXPECT_EQ(selector_error_text(0x32), "gate 0x6 of the IDT");
    EXPECT_EQ(selector_error_text(0x33), "gate 0x6 of the IDT, while delivering an event");
}

TEST(ExceptionText, EachKindOfVectorHasItsForm) {
    EXPECT_EQ(exception_text(trap(14, 2), 0x7000),
              "#PF page fault at 0x7000: supervisor write, page not present (error code 0x2)");
    EXPECT_EQ(exception_text(trap(13), 0), "#GP general protection: no selector (error code 0x0)");
    EXPECT_EQ(exception_text(trap(8), 0), "#DF double fault (error code 0x0)");
    EXPECT_EQ(exception_text(trap(6), 0x7000), "#UD invalid opcode");
    EXPECT_EQ(exception_text(trap(0x55), 0), "interrupt 0x55, which has no handler");
    EXPECT_EQ(exception_text(trap(0x1234), 0),
              "a trap with the impossible vector 0x1234: its report is damaged");
}

}  // namespace
}  // namespace nestbed::vmm
