// Walks of a guest's tables over EPT, NPT or no second stage: walk2d() beside its naive model.

#include "tests/fuzz/numbers.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/unit/paging/random_walk2d.hpp"

FUZZ_TARGET(walk2d) {
    using namespace nestbed::paging::test;
    Generator generator{nestbed::fuzz::Numbers(input)};
    const std::uint64_t address = generator.linear();
    const Machine machine = generator.machine(address);
    const nestbed::paging::Access access = generator.access();
    nestbed::fuzz::require(
        modelled(machine, address, access) == naive_walk2d(machine, address, access),
        "walk2d() and its naive model agree");
}
