// Tests that ask for what no VM has. They fail alone: those between them pass.

#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using channel::DirtyLogKind;

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

#define NEEDS(name, ...) \
    GUEST_TEST(needs, name, __VA_ARGS__) { GUEST_LOG("has what it asked for"); }

NEEDS(nothing, {})
NEEDS(no_cpu, {.cpus = 0})
NEEDS(cpus_65, {.cpus = 65})
NEEDS(cpus_2_32, {.cpus = ~0U})
NEEDS(cpus_64, {.cpus = 64, .timeout = 60})
NEEDS(rings_of_1, {.ring_records = 1})
NEEDS(rings_of_3, {.ring_records = 3})
NEEDS(rings_of_2_31, {.ring_records = 1U << 31})
NEEDS(rings_of_2_32, {.ring_records = ~0U})
NEEDS(large_rings_of_64_cpus, {.cpus = 64, .ring_records = 65536, .timeout = 60})
NEEDS(memory_2_40, {.memory = std::uint64_t{1} << 40})
NEEDS(memory_2_64, {.memory = all_ones})
NEEDS(memory_of_one_byte, {.memory = 1})
NEEDS(test_memory_of_one_byte, {.test_memory = 1})
NEEDS(test_memory_2_40, {.test_memory = std::uint64_t{1} << 40, .timeout = 5})
NEEDS(test_memory_2_63, {.test_memory = std::uint64_t{1} << 63})
NEEDS(test_memory_2_64, {.test_memory = all_ones})
NEEDS(test_memory_2_64_less_2_mib, {.test_memory = all_ones - (2 << 20) + 1})
NEEDS(something_in_between, {.cpus = 2, .test_memory = 2 << 20})
NEEDS(dirty_ring_of_1,
      {.test_memory = 2 << 20, .dirty_logging = {.kind = DirtyLogKind::ring, .ring_entries = 1}})
NEEDS(dirty_ring_of_3,
      {.test_memory = 2 << 20, .dirty_logging = {.kind = DirtyLogKind::ring, .ring_entries = 3}})
NEEDS(dirty_ring_of_2_31, {.test_memory = 2 << 20,
                           .dirty_logging = {.kind = DirtyLogKind::ring, .ring_entries = 1U << 31}})
NEEDS(dirty_log_of_no_kind, {.test_memory = 2 << 20, .dirty_logging = {.kind = DirtyLogKind{7}}})
NEEDS(dirty_log_set_twice,
      {.test_memory = 2 << 20, .dirty_logging = {.kind = DirtyLogKind::bitmap, .initially_set = 2}})
NEEDS(dirty_log_without_memory, {.dirty_logging = {.kind = DirtyLogKind::bitmap}})
NEEDS(a_proof, {.proof = all_ones})
NEEDS(nothing_in_the_end, {})

}  // namespace
}  // namespace nestbed::guest
