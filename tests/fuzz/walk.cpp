// Page walks over tables that hold anything: walk() beside its naive model, and the walk as text of
// a guest's memory.

#include <optional>

#include "tests/fuzz/flat_memory.hpp"
#include "tests/fuzz/numbers.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/unit/paging/naive_walk.hpp"
#include "vmm/diagnose/page_walk.hpp"

namespace nestbed::paging::test::one_stage {
namespace {

constexpr std::uint64_t walk_root = 0x1000;

void compare_with_naive_walk(const Memory& memory, std::uint64_t linear, Access access,
                             const ControlState& state) {
    const auto read = [&](PhysAddr entry) -> std::optional<std::uint64_t> {
        const auto found = memory.find(entry.raw());
        return found == memory.end() ? std::nullopt : std::optional(found->second);
    };
    const WalkResult result =
        walk(read, *Frame4k::from(PhysAddr(walk_root)), linear, access, state);
    fuzz::require(in_naive_terms(result) == naive_walk(memory, walk_root, linear, access, state),
                  "walk() and its naive model agree");
}

/// The same tables in a guest's memory, where what is beside them is zero.
void show(const Memory& memory, std::uint64_t linear, Access access, const ControlState& state) {
    static fuzz::FlatMemory guest;
    guest.clear();
    for (const auto& [place, entry] : memory) {
        static_cast<void>(guest.memory().write(place, entry));
    }
    const vmm::PagingState paging{
        state.la57 ? vmm::PagingMode::five_level : vmm::PagingMode::four_level, walk_root};
    const std::string text = vmm::show_walk(guest.memory(), paging, linear, access, state);
    fuzz::require(text.find("=> ") != text.npos, "every walk has an end");
    // Tables that lead anywhere in memory, also to themselves.
    const vmm::VirtualMemory seen(guest.memory(), paging);
    static_cast<void>(seen.read_string(linear));
    // What they would be to the other modes.
    for (const auto mode : {vmm::PagingMode::bits_32, vmm::PagingMode::pae}) {
        const vmm::PagingState legacy{mode, walk_root, state.wp};
        fuzz::require(
            vmm::show_walk(guest.memory(), legacy, linear, access, state).find("=> ") != text.npos,
            "so has every walk of 32-bit addresses");
        static_cast<void>(vmm::VirtualMemory(guest.memory(), legacy).read_string(linear));
    }
}

}  // namespace
}  // namespace nestbed::paging::test::one_stage

FUZZ_TARGET(walk) {
    using namespace nestbed::paging::test::one_stage;
    Generator generator{nestbed::fuzz::Numbers(input)};
    const nestbed::paging::ControlState state = generator.state();
    const nestbed::paging::Access access = generator.access();
    const std::uint64_t linear = generator.linear(state.la57);
    const Memory memory = generator.memory(walk_root, linear, state);
    compare_with_naive_walk(memory, linear, access, state);
    if (generator.one_in(8)) {
        show(memory, linear, access, state);
    }
}
