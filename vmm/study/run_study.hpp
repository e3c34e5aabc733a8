// Running a study: a VM for each of its points, one after the other.
#pragma once

#include <optional>
#include <stop_token>

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

  private:
    const kvm::System& system_;
    const Study& study_;
    Guest guest_;
    std::optional<bool> hypercalls_;
};

}  // namespace nestbed::vmm
