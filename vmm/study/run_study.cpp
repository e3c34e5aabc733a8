#include "vmm/study/run_study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/run/calibrate.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

namespace {

/// What the run was measured under, for whoever reads the result without the description.
std::vector<MeasurementParameter> inputs_of(const Point& point) {
    std::vector<MeasurementParameter> inputs;
    for (std::size_t n = 0; n < point.axes().size(); ++n) {
        const Axis& axis = point.axes()[n];
        const std::uint64_t value = point.values()[n];
        MeasurementParameter& input = inputs.emplace_back(MeasurementParameter{axis.name, value});
        if (axis.kind == Axis::Kind::name) {
            input.value = axis.show(value);
        }
    }
    return inputs;
}

}  // namespace

StudyRunner::StudyRunner(const kvm::System& system, const Study& study,
                         const std::vector<Point>& points, std::optional<bool> hypercalls)
    : system_(system), study_(study), guest_(read_builtin(study.guest)), hypercalls_(hypercalls) {
    std::uint32_t most = 1;
    for (const Point& point : points) {
        most = std::max(most, study.settings_at(point).cpus);
    }
    refuse_too_many_cpus(system, most);
}

StudyRun StudyRunner::run(const Point& point, bool memory_report, const std::stop_token& stop) {
    TestSettings settings = study_.settings_at(point);
    settings.memory_report = memory_report;
    if (study_.wants_hypercalls && study_.wants_hypercalls(point)) {
        settings.parameters.emplace_back("hypercalls", hypercalls(stop) ? 1 : 0);
    }
    StudyRun done{
        point, run_test(system_, guest_, guest_.test_named(study_.test_at(point)), settings, stop)};
    done.test.study = study_.name;
    done.test.point = point.text();
    done.test.inputs = inputs_of(point);
    if (const std::optional<Error> error = done.test.error) {
        done.test.error.emplace(error->kind(), fmt::format("{}: {}", point.text(), error->what()));
    }
    return done;
}

StudyRuns StudyRunner::run_all(const std::vector<Point>& points, bool memory_report,
                               const std::stop_token& stop,
                               const std::function<void(std::size_t, const Point&)>& before) {
    StudyRuns runs;
    for (const Point& point : points) {
        before(runs.size(), point);
        StudyRun done = run(point, memory_report, stop);
        if (done.test.interrupted) {
            break;
        }
        runs.push_back(std::move(done));
    }
    return runs;
}

bool StudyRunner::hypercalls(const std::stop_token& stop) {
    if (!hypercalls_) {
        hypercalls_ = hypercalls_come_back(system_, stop);
    }
    return *hypercalls_;
}

}  // namespace nestbed::vmm
