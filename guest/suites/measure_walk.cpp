// What `nestbed measure walk` runs, once per combination of parameters in a fresh VM.

#include "guest/harness/chase_runs.hpp"
#include "guest/harness/measure.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/study_parameter.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/smp.hpp"

namespace nestbed::guest {
namespace {

ChaseSettings settings_from_parameters() {
    const ChaseSettings settings{
        .cpus = cpu_count(),
        .pages = parameter("pages", 512),
        .pattern = parameter_of("pattern", study::Pattern::random),
        .seed = parameter("seed", 1),
        .samples = parameter("samples", 10),
        .accesses = parameter("accesses", 1000),
    };
    GUEST_REQUIRE(settings.pages >= 1);
    GUEST_REQUIRE(settings.pages <= boot_info().test_memory.bytes / chase::page_bytes);
    GUEST_REQUIRE(settings.accesses >= 1);
    return settings;
}

/// `loads` were needed to follow the chain all around.
void report(ConstantString name, const ChaseSettings& settings, std::uint64_t loads,
            const stats::Histogram& cycles, Counted counted) {
    report_measurement(
        name, "cycles", cycles,
        {number("accesses", settings.accesses),
         number("working_set", settings.pages * chase::page_bytes),
         word("pattern", settings.pattern), number("cpus", settings.cpus),
         number("guest_leaf", boot_info().test_memory.leaf_bytes)},
        channel::Proof{.checks = loads, .violations = loads == settings.pages ? 0U : 1U}, counted);
}

/// Parameters: `pages`, `pattern` (a study::Pattern), `samples`, `accesses`, `seed`. A sample is
/// the time of `accesses` loads, each of a page of its own.
GUEST_TEST(measure_walk, chase, {.test_memory = 2 << 20, .proof = 1, .tags = "measures"}) {
    constexpr std::uint64_t gib = 1 << 30;
    if (boot_info().test_memory.leaf_bytes == gib && boot_info().features.page_1g == 0) {
        GUEST_SKIP("the vCPU has no 1 GiB pages");
    }
    constexpr std::uint64_t counted = 8;
    const ChaseSettings settings = settings_from_parameters();
    static stats::Histogram packed;
    static stats::Histogram spread;
    const std::uint64_t packed_loads = prepare_packed_chase(settings);
    run_chase(settings, packed);
    const std::uint64_t spread_loads = prepare_spread_chase(settings);
    run_chase(settings, spread);
    for (std::uint64_t n = 0; n < counted; ++n) {
        count_over([&] { chase_on(settings, 1); }, [&] { chase_on(settings, 0); });
    }
    report("chase", settings, spread_loads, spread, Counted::yes);
    report("packed chase", settings, packed_loads, packed, Counted::no);
}

}  // namespace
}  // namespace nestbed::guest
