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

/// The median, since a few loops are interrupted by the host.
std::optional<double> cycles_per_instruction(const MeasurementEvent& loop) {
    const std::uint64_t instructions = number_named(loop, "instructions").value_or(0);
    if (instructions == 0) {
        return std::nullopt;
    }
    return static_cast<double>(loop.histogram.quantile(50, 100)) /
           static_cast<double>(instructions);
}

/// Takes over a measurement of guest/suites/calibrate.cpp by its name.
void take(Calibration& calibration, const MeasurementEvent& measurement) {
    const std::string& name = measurement.name;
    if (name == "kernel loop") {
        calibration.kernel_cycles_per_instruction = cycles_per_instruction(measurement);
    } else if (name == "user loop") {
        calibration.user_cycles_per_instruction = cycles_per_instruction(measurement);
    } else if (name == "exit") {
        calibration.exit_round_trip = distribution_of(measurement.histogram);
    } else if (name == "ipi to halted") {
        calibration.ipi_to_halted = distribution_of(measurement.histogram);
    } else if (name == "ipi to spinning") {
        calibration.ipi_to_spinning = distribution_of(measurement.histogram);
    } else if (name == "tsc exchange") {
        const auto offset = number_named(measurement, "offset");
        const auto bound = number_named(measurement, "bound");
        if (offset && bound) {
            calibration.tsc_offset = {static_cast<std::int64_t>(*offset), *bound};
        }
    }
}

constexpr char hypercall_test[] = "hypercall";

void run_one(Calibration& calibration, const kvm::System& system, const Guest& guest,
             const GuestTest& test, const std::stop_token& stop) {
    TestSettings settings;
    settings.timeout = std::chrono::seconds(2);
    // Two vCPUs on one core would wait for each other's time slice.
    settings.placement = Placement::spread;
    const TestResult result = run_test(system, guest, test, settings, stop);
    calibration.tsc_khz = std::max(calibration.tsc_khz, result.tsc_khz);
    for (const MeasurementEvent& measurement : result.measurements) {
        take(calibration, measurement);
    }
    if (result.verdict != Verdict::passed && !result.interrupted) {
        calibration.problems.push_back(test.full_name() + ": " + result.reason);
    }
}

void try_hypercall(Calibration& calibration, const kvm::System& system,
                   const std::stop_token& stop) {
    FirstError error;
    error.attempt([&] { calibration.hypercalls = hypercalls_come_back(system, stop); });
    if (error.get()) {
        calibration.problems.emplace_back(error.get()->what());
    }
}

}  // namespace

Calibration calibrate(const kvm::System& system, const std::stop_token& stop) {
    const Stopwatch watch;
    Calibration calibration;
    const Guest guest = read_builtin("calibrate");
    // One behind the other: they would disturb each other.
    for (const GuestTest& test : guest.tests()) {
        if (stop.stop_requested()) {
            break;
        }
        if (test.name == hypercall_test) {
            try_hypercall(calibration, system, stop);
        } else {
            run_one(calibration, system, guest, test, stop);
        }
    }
    calibration.seconds = watch.seconds();
    return calibration;
}

bool hypercalls_come_back(const kvm::System& system, const std::stop_token& stop) {
    const Guest guest = read_builtin("calibrate");
    TestSettings settings;
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
