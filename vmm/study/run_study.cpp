#include "vmm/study/run_study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/run/calibrate.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

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
        if (!hypercalls_) {
            hypercalls_ = hypercalls_come_back(system_, stop);
        }
        settings.parameters.emplace_back("hypercalls", *hypercalls_ ? 1 : 0);
    }
    const std::string test = study_.test.empty() ? point.values().front().text() : study_.test;
    StudyRun done{point, run_test(system_, guest_, guest_.test_named(test), settings, stop)};
    done.test.study = study_.name;
    done.test.point = point.text();
    std::ranges::transform(point.values(), std::back_inserter(done.test.inputs), &AxisValue::input);
    if (const std::optional<Error> error = done.test.error) {
        done.test.error.emplace(error->kind(), fmt::format("{}: {}", point.text(), error->what()));
    }
    return done;
}

}  // namespace nestbed::vmm
