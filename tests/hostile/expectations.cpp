#include "tests/hostile/expectations.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <string>

namespace nestbed::test {

namespace {

// What a processor or KVM makes of it differs; what counts is that it ends, and harms nobody.
constexpr std::string_view any = "passed|failed";
constexpr std::string_view broken = "the record channel is broken: ";
constexpr std::string_view to_nothing =
    "the record channel is broken: vCPU 0: record 0 of type [0-9]+ points to nothing";
constexpr std::string_view hang = "no end after [0-9.]+ s \\(--timeout\\): vCPU [0-9] is ";
constexpr std::string_view page_fault = "#PF page fault at 0x700000000000: supervisor write";
constexpr std::string_view nobodys_port = "which is no port of this machine";
constexpr std::string_view no_memory = "where there is no memory";
constexpr std::string_view kernel_overflow =
    "stack overflow of vCPU [0-9]: its kernel stack has 16 KiB";

const std::vector<Expectation> table = {
    {"healthy.*", "passed", "^$"},

    {"ring.head_jumps", "failed", "its ring's head is 1099511627777, but 0 records were taken"},
    {"ring.head_is_all_ones", "failed", "its ring's head is 18446744073709551615, but 0"},
    {"ring.head_is_one_too_far", "failed", "its ring's head is 9, but 0 .* it holds 8"},
    {"ring.head_is_two_of_a_ring_of_one", "failed", "its ring's head is 2, but 0 .* it holds 1"},
    {"ring.head_goes_back", "failed", "its ring's head is 1, but 2 records were taken"},
    {"ring.head_goes_back_to_nothing", "failed", "its ring's head is 0, but 1 records were taken"},
    {"ring.head_goes_round", "failed", "its ring's head is 4294967297, but 1 records were taken"},
    {"ring.sequence_is_ahead", "failed", "record 0 says that it is record 1 of vCPU 0"},
    {"ring.sequence_is_all_ones", "failed", "record 0 says that it is record 4294967295"},
    {"ring.record_of_a_cpu_that_there_is_not", "failed", "that it is record 0 of vCPU 255"},
    {"ring.record_of_another_cpu", "failed", "vCPU 0: record 0 says that it is record 0 of vCPU 1"},
    {"ring.written_by_another_cpu", any, "^$|the record channel is broken: vCPU 1"},
    {"ring.capacity_is_overwritten", "passed"},
    {"ring.tail_is_overwritten", "passed"},
    {"ring.record_of_zeroes", "failed", "record 0 of type 0 points to nothing \\(0x0\\)"},
    {"ring.records_of_ones", "failed", "that it is record 4294967295 of vCPU 255"},
    {"ring.header_is_zeroed", "failed", "its ring's head is 0, but 1 records were taken"},
    {"ring.is_not_mapped_by_the_guest", "passed"},
    {"ring.*_written_while_read", any, "^$|the record channel is broken: vCPU 0"},
    {"ring.type_changes_while_read", any, "^$|the record channel is broken: vCPU 0"},
    {"ring.doorbell_of_one_byte", "failed", "a 1-byte write to port 0x5e0, which is no port"},
    {"ring.doorbell_is_read", "failed", "a 4-byte read from port 0x5e0, which is no port"},
    {"ring.doorbells_without_records", "passed"},

    {"record.log_*", "failed", to_nothing},
    {"record.skip_for_no_reason", "skipped", "^$"},
    {"record.skip_*", "failed", to_nothing},
    {"record.parameter_*", "failed", to_nothing},
    {"record.of_type_*", "failed", to_nothing},
    {"record.failure_in_the_last_line", "failed", "^an expectation failed$"},
    {"record.failure_that_is_its_own_text", "failed", "^an expectation failed$"},
    {"record.failure_and_skip", "failed", "^an expectation failed$"},
    {"record.failure_*", "failed", to_nothing},
    {"record.two_skips", "skipped", "another"},
    {"record.time_goes_back", "passed"},
    {"record.string_argument_nowhere", "passed"},
    {"record.measurement_of_nothing", "failed", "^name: it has no samples$"},
    {"record.measurement_of_2_64_values", "passed"},
    {"record.measurement_with_a_text_nowhere", "passed"},
    {"record.measurement_with_equal_parameters", "passed"},
    {"record.measurement_that_was_not_checked", "failed", "it has no proof: nothing was checked"},
    {"record.measurement_with_more_violations_than_checks", "failed",
     "18446744073709551615 violations in 1 check"},
    {"record.measurement_*", "failed", to_nothing},
    {"record.two_measurements_of_one_name", "passed"},

    {"format.one_too_long", "failed", to_nothing},
    {"format.without_end", "failed", to_nothing},
    {"format.of_seven_longest_strings", "failed", "^an expectation failed$"},
    {"format.controls_in_a_failure", "failed", "^an expectation failed$"},
    {"format.controls_in_a_skip", "skipped"},
    {"format.*", "passed"},

    {"tables.that_are_all_one_table", "failed", "record 2 of type 4 points to nothing"},
    {"tables.with_a_huge_page_over_everything", "failed", to_nothing},
    {"tables.root_*", "failed", "triple fault|#GP general protection|KVM|is in no function"},
    {"tables.cleared_under_its_feet", "failed"},
    {"tables.text_unmapped_behind_its_record", "failed"},
    {"tables.turned_over_*", any,
     "^$|the record channel is broken: vCPU 0: record [0-9]+ of type 4"},
    {"tables.changed_until_the_timeout", "failed"},
    {"tables.*", "failed", "#PF page fault at 0x700000000000|where there is no memory|KVM|no end"},

    {"operation.nothing_behind_the_last", "passed"},
    {"operation.number_*", "failed", "there is no operation (0|12|4294967295)"},
    {"operation.*one_page_too_many", "failed", "513 pages from page 0 on are not within 2 MiB"},
    {"operation.a_page_behind_the_last", "failed", "are not within 2 MiB of test memory"},
    {"operation.pages_*", "failed", "are not within 2 MiB of test memory"},
    {"operation.from_page_2_64", "failed", "are not within 2 MiB of test memory"},
    {"operation.bytes_that_wrap", "failed", "are not within 2 MiB of test memory"},
    {"operation.move_*", "failed", "guest physical 0x[0-9a-f]+ is no place for test memory"},
    {"operation.read_only_*", "failed", "the argument [0-9]+ is neither 0 nor 1"},
    {"operation.userfault_of_kind_*", "failed", "there is no kind (7|4294967296) of userfault"},
    {"operation.userfault_of_no_page", "failed", "are not whole pages of the host's"},
    {"operation.userfault_stopped_before_it_starts", "passed"},
    {"operation.log_*_without_a_log", "failed", "this VM was made without a dirty log"},
    {"operation.without_test_memory", "failed", "this VM has no test memory"},
    {"operation.log_stopped_before_it_starts", "passed|skipped"},
    {"operation.log_*_before_it_starts", "failed|skipped", "the dirty log was not started|KVM"},
    {"operation.log_*half_a_word", "failed|skipped", "are not whole words of a bitmap|KVM"},
    {"operation.log_to_where_the_request_is", "passed|skipped"},
    {"operation.log_to_*", "failed|skipped", "is not within guest memory|KVM"},
    {"operation.log_cleared_from_a_hole", "failed|skipped", "is not within guest memory|KVM"},
    {"operation.log_*", "passed|skipped"},
    {"operation.moved_while_logged", "failed|skipped", "its dirty log is kept|KVM"},
    {"operation.userfault_and_everything_else", "passed|skipped"},
    {"operation.userfault_twice", "failed|skipped", "the VMM brings pages in already|userfault"},
    {"operation.userfault_and_a_hang", "failed|skipped", "no end after|userfault"},
    {"operation.moved_under_others_feet", "failed"},
    {"operation.from_*_at_once", any, "^$|another vCPU is at it|there is no operation"},
    {"operation.changed_while_carried_out", any, "^$|are not within 2 MiB of test memory"},
    {"operation.by_two_bytes", "failed", nobodys_port},
    {"operation.of_random_bits", "failed", "are not within 2 MiB of test memory"},
    {"operation.region_without_end", "passed"},
    {"operation.region_ends_*", "failed", "a region ends that did not begin"},
    {"operation.region_inside_a_region", "failed", "a region begins inside another"},
    {"operation.region_of_no_kind", "failed", "4294967295 is no mark of a region"},
    {"operation.regions_of_two_cpus", any,
     "^$|another vCPU is at it|a region begins inside|did not"},

    {"processor.jumps_to_itself*", "failed", hang},
    {"processor.halts_*", "failed", hang},
    {"processor.spins_*", "failed", hang},
    {"processor.repeats_a_string_for_ever", "failed", hang},
    {"processor.faults_for_ever", "failed", hang},
    {"processor.gs_nowhere", "failed"},
    {"processor.idt_*", "failed", "triple fault|#GP general protection|no memory|KVM"},
    {"processor.gdt_*", "failed", "triple fault|#GP general protection|KVM"},
    {"processor.task_register_of_code", "failed", "#GP general protection|KVM"},
    {"processor.double_fault", "failed", "#DF double fault"},
    {"processor.triple_fault", "failed", "triple fault"},
    {"processor.stack_*", "failed"},
    {"processor.code_not_mapped", "failed", "#PF page fault at 0x700000000000"},
    {"processor.code_*", "failed"},
    {"processor.init_to_itself", "failed"},
    {"processor.init_to_all_others", "failed", hang},
    {"processor.calls_from_real_mode", "failed",
     "a 1-byte write to port 0x5e0, which is no port|KVM"},
    {"processor.compatibility_mode", "failed"},
    {"processor.paging_off_in_64_bit_mode", "failed", "#GP general protection|KVM"},
    {"processor.physical_extension_off", "failed", "#GP general protection|KVM"},
    {"processor.long_mode_off", "failed", "#GP general protection|KVM"},
    {"processor.*", any},

    {"stack.of_the_kernel*", "failed", kernel_overflow},
    {"stack.of_user_mode", "failed", "stack overflow of vCPU 0: its user stack has 4 KiB"},
    {"stack.of_nmis", "failed", "stack overflow of vCPU 0: its NMI stack has 8 KiB"},
    {"stack.for_interrupts_of_user_mode", "failed",
     "stack overflow of vCPU 0: its stack for interrupts and exceptions of user mode has 8 KiB"},
    {"stack.for_double_faults", "failed", "stack overflow of vCPU 0: its double-fault stack"},
    {"stack.of_another_cpu", "failed", kernel_overflow},
    {"stack.of_all_cpus_at_once", "failed", kernel_overflow},
    {"stack.of_a_cpu_that_there_is_not", "failed", "#PF page fault"},
    {"stack.frame*", "failed", "#GP general protection|#DF double fault|#SS"},
    {"stack.thirty_thousand_frames", "failed", "#GP general protection"},
    {"stack.nowhere_when_it_panics", "failed", "panic, for no reason given"},
    {"stack.by_interrupts_in_interrupts", "failed"},

    // Of files that lie about their code, and to the diagnosis.
    {"sta[0-9][0-9].of_the_kernel", "failed"},
    {"sta[0-9][0-9].*", "failed", "#GP general protection|#DF double fault|#SS"},

    {"storm.of_ends", any, "^$|panic, for no reason given"},
    {"storm.of_new_tables", "failed"},
    {"storm.of_every_interrupt_command", "failed"},
    {"storm.*", "failed", hang},

    {"port.string_to_the_doorbell", any, "^$|no port of this machine"},
    {"port.string_to_the_finish", any, "^$|no port of this machine"},
    {"port.string_to_nothing", any, "^$|no port of this machine"},
    {"port.string_of_one_to_the_doorbell", "passed"},
    {"port.bare_loop_of_no_kind", any},
    {"port.doorbells_of_user_mode", "passed"},
    {"port.finish_of_user_mode", "passed"},
    {"port.nobodys_of_user_mode", any, "^$|which is no port of this machine"},
    {"port.every_value_to_the_interrupt_controllers", any},
    {"port.memory_*", "failed", "no memory|no port of this machine|KVM"},
    {"port.nothing_*", any, "^$|where there is no memory"},
    {"port.addresses_of_kvm", any},
    {"port.sampled*", any, "^$|no port of this machine|no memory|KVM|#"},
    {"port.*", "failed", nobodys_port},

    {"runtime.boot_info_of_zeroes", any},
    {"runtime.boot_info_of_ones", "failed"},
    {"runtime.boot_info_of_ones_and_a_crash", "failed", page_fault},
    {"runtime.cpus_of_ones_and_a_crash", "failed"},
    {"runtime.data_of_ones_and_a_hang", "failed"},
    {"runtime.panic_for_no_reason", "failed", "panic, for no reason given"},
    {"runtime.panic_of_ones", "failed", "panic: <no message at 0xffffffffffffffff>"},
    {"runtime.panic_in_a_trap_of_ones", "failed", "panic: <no message at 0xffffffffffffffff>"},
    {"runtime.panic_with_a_message_nowhere", "failed", "panic: <no message at 0x700000000000>"},
    {"runtime.panic_with_a_message_without_end", "failed", "panic: <no message at 0x[0-9a-f]+>"},
    {"runtime.panic_with_controls", "failed", "panic: \\\\x1b\\[2J.*nestbed: x"},
    {"runtime.panic_in_a_trap_that_was_not", "failed", "#PF page fault at 0x8000000000000000"},
    {"runtime.panic_of_a_double_fault_that_was_not", "failed", "#DF double fault"},
    {"runtime.panic_reported_while_it_hangs", "failed", hang},
    {"runtime.panic_while_others_run", "failed", "panic, for no reason given.* on vCPU 3"},
    {"runtime.wait*", "failed", hang},
    {"runtime.meets_four_billion", "failed", hang},
    {"runtime.ends_while_others_write", "passed"},
    {"runtime.is_ended_by_another_cpu", "passed"},
    {"runtime.fails_after_the_end", any, "^$|expectations? failed"},

    {"flood.of_different_parameters", "passed"},
    {"flood.of_a_million_failures", "failed", "^1048576 expectations failed"},
    {"flood.of_a_million_skips", "skipped"},
    {"flood.without_end", "failed", "no end after"},
    {"flood.*", "failed", "the record channel is broken: vCPU 0: .* more than [0-9]+ MiB"},

    {"bomb.*", "failed", page_fault},

    {"needs.nothing*", "passed"},
    {"needs.rings_of_1", "passed"},
    {"needs.memory_of_one_byte", "passed"},
    {"needs.test_memory_of_one_byte", "passed"},
    {"needs.something_in_between", "passed"},
    {"needs.cpus_64", any},
    {"needs.large_rings_of_64_cpus", any},
    {"needs.dirty_log_without_memory", "passed"},
    {"needs.dirty_*", "failed|skipped", "dirty"},
    {"needs.a_proof", "failed", "the guest measured nothing"},
    {"needs.rings_*", "failed", "^it asks for rings of [0-9]+ records"},
    {"needs.*", "failed", "^it (asks for|needs) "},
};

}  // namespace

const std::vector<Expectation>& expectations() { return table; }

bool fits(std::string_view test, std::string_view pattern) {
    return ::fnmatch(std::string(pattern).c_str(), std::string(test).c_str(), 0) == 0;
}

const Expectation* expectation_of(std::string_view test) {
    const auto first =
        std::ranges::find_if(table, [&](const Expectation& one) { return fits(test, one.tests); });
    return first == table.end() ? nullptr : &*first;
}

}  // namespace nestbed::test
