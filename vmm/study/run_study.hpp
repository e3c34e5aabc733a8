// Running a study: a VM for each of its points, one after the other.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "vmm/base/error.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

class StudyRunner {
  public:
    /// `hypercalls`: whether they come back here (Calibration), if it is known; the first point
    /// that wants to know asks otherwise. Throws Error if the study's guest is not there, or KVM
    /// has no VM with so many vCPUs.
    StudyRunner(const kvm::System& system, const Study& study, const std::vector<Point>& points,
                std::optional<bool> hypercalls = std::nullopt);

    /// `memory_report`: what the guest's memory was made of is read back as well.
    StudyRun run(const Point& point, bool memory_report, const std::stop_token& stop);

    /// All of them, until `stop` is requested. One that cannot be run has its error in its result.
    /// `before(n, point)` is called before the n-th.
    StudyRuns run_all(const std::vector<Point>& points, bool memory_report,
                      const std::stop_token& stop,
                      const std::function<void(std::size_t, const Point&)>& before);

  private:
    bool hypercalls(const std::stop_token& stop);

    const kvm::System& system_;
    const Study& study_;
    Guest guest_;
    std::optional<bool> hypercalls_;
};

}  // namespace nestbed::vmm
