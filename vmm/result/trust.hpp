// How far timings can be trusted on a host, in plain words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vmm/host/describe.hpp"
#include "vmm/result/calibration.hpp"

namespace nestbed::vmm {

enum class TrustLevel {
    good,       ///< figures are the hardware's
    with_care,  ///< something between the guest and the hardware shows in them
    rough,      ///< orders of magnitude and comparisons at best
};

constexpr const char* trust_name(TrustLevel level) {
    return level == TrustLevel::good        ? "good"
           : level == TrustLevel::with_care ? "with care"
                                            : "rough";
}

struct Trust {
    TrustLevel level = TrustLevel::good;
    std::vector<std::string> remarks;  ///< sentences, the weightiest first
};

Trust judge_timings(const HostDescription& host, const std::optional<Calibration>& calibration);

}  // namespace nestbed::vmm
