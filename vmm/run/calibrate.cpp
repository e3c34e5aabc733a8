#include "vmm/run/calibrate.hpp"

#include <algorithm>
#include <chrono>

#include "vmm/base/error.hpp"
#include "vmm/base/stopwatch.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/run/guest_set.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

namespace {

/// Takes over the measurements of guest/suites/calibrate.cpp by their names.
void take(Calibration& calibration, const TestResult& result) {
    for (const auto& [name, figure] :
         {std::pair{"kernel loop", &Calibration::kernel_cycles_per_instruction},
          {"user loop", &Calibration::user_cycles_per_instruction}}) {
        // The median, since a few loops are interrupted by the host.
        if (const auto median = median_of(result, name, "instructions")) {
            calibration.*figure = median;
        }
    }
    for (const auto& [name, figure] : {std::pair{"exit", &Calibration::exit_round_trip},
                                       {"ipi to halted", &Calibration::ipi_to_halted},
                                       {"ipi to spinning", &Calibration::ipi_to_spinning}}) {
        if (const MeasurementEvent* found = measurement_named(result, name)) {
            calibration.*figure = distribution_of(found->histogram);
        }
    }
    if (const MeasurementEvent* found = measurement_named(result, "tsc exchange")) {
        const auto offset = number_named(*found, "offset");
        const auto bound = number_named(*found, "bound");
        if (offset && bound) {
            calibration.tsc_offset = {static_cast<std::int64_t>(*offset), *bound};
        }
    }
}

constexpr char hypercall_test[] = "hypercall";

void run_one(Calibration& calibration, const kvm::System& system, const Guest& guest,
             const GuestTest& test, const Confinement& confinement, const std::stop_token& stop) {
    TestSettings settings;
    settings.confinement = confinement;
    settings.timeout = std::chrono::seconds(2);
    // Two vCPUs on one core would wait for each other's time slice.
    settings.placement = Placement::spread;
    const TestResult result = run_test(system, guest, test, settings, stop);
    calibration.tsc_khz = std::max(calibration.tsc_khz, result.tsc_khz);
    take(calibration, result);
    if (result.verdict != Verdict::passed && !result.interrupted) {
        calibration.problems.push_back(test.full_name() + ": " + result.reason);
        calibration.error = calibration.error ? calibration.error : result.error;
    }
}

}  // namespace

Calibration calibrate(const kvm::System& system, const Confinement& confinement,
                      const std::stop_token& stop) {
    const Stopwatch watch;
    Calibration calibration;
    const Guest guest = read_builtin("calibrate");
    // One behind the other: they would disturb each other.
    for (const GuestTest& test : guest.tests()) {
        if (stop.stop_requested()) {
            break;
        }
        if (test.name == hypercall_test) {
            try {
                calibration.hypercalls = hypercalls_come_back(system, confinement, stop);
            } catch (...) {
                calibration.problems.emplace_back(current_error().what());
            }
        } else {
            run_one(calibration, system, guest, test, confinement, stop);
        }
    }
    calibration.seconds = watch.seconds();
    return calibration;
}

bool hypercalls_come_back(const kvm::System& system, const Confinement& confinement,
                          const std::stop_token& stop) {
    const Guest guest = read_builtin("calibrate");
    TestSettings settings;
    settings.confinement = confinement;
    settings.timeout = std::chrono::seconds(2);
    settings.parameters = {{"hypercalls", 1}};
    const TestResult result =
        run_test(system, guest, guest.test_named(hypercall_test), settings, stop);
    if (result.error) {
        throw Error(*result.error);
    }
    return result.verdict == Verdict::passed;
}

}  // namespace nestbed::vmm
