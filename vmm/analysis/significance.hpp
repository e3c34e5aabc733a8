// Tests of significance: how likely a difference as great as that is by chance.
#pragma once

#include <vector>

#include "vmm/analysis/samples.hpp"

namespace nestbed::vmm {

/// Whether the repetitions' medians have the same mean: Student's t test (Biometrika 6, 1908). The
/// sides are taken to be equally noisy, so that one of them may be a single number; not both.
double median_test(const std::vector<double>& base, const std::vector<double>& next);

/// Whether a sample of one side is as often greater than one of the other as it is less: the test
/// of Mann and Whitney (Annals of Mathematical Statistics 18, 1947). Of single repetitions each
/// sample counts; of several each repetition, by what they differ among themselves, after
/// Obuchowski (Biometrics 53, 1997).
double rank_test(const Samples& base, const Samples& next);

}  // namespace nestbed::vmm
