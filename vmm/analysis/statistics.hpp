// Whether two sets of samples differ: medians, a bootstrap interval and a rank test, from
// histograms.
//
// Samples of one VM have in common what the VM got by chance: where its memory and its threads are.
// So where there are several repetitions, each with a VM of its own, they are what is counted, and
// what they differ by among themselves is the noise; a single one shows only the noise within it.
#pragma once

#include <span>
#include <vector>

#include "shared/stats/histogram.hpp"

namespace nestbed::vmm {

/// A histogram for each repetition, none of them empty.
using Repetitions = std::vector<const stats::Histogram*>;

struct Difference {
    double base = 0;    ///< the mean of the repetitions' medians, in the samples' unit
    double next = 0;    ///< the same of the other set
    double change = 0;  ///< next / base - 1; infinite if the base is 0
    double low = 0;     ///< what `change` lies between, with a confidence of 95 %
    double high = 0;
    /// Of a rank test: how likely ranks as unequal as these are if nothing differs.
    double p = 1;
    bool repeated = false;  ///< there were several repetitions of one of them at least
};

/// The same numbers for the same samples: the bootstrap's choices come from a constant seed.
/// Neither is empty.
Difference difference_of(const Repetitions& base, const Repetitions& next);

/// Holm's correction (1979) of the probabilities of several tests at once: each of them below a
/// level means that at most as often as that one of all is a false alarm.
std::vector<double> corrected(std::span<const double> probabilities);

/// What is to be said of a difference.
enum class Word { faster, slower, no_difference, cannot_tell };

const char* name_of(Word word);

/// Of samples that are times. `p` is the difference's after the correction; `least`: the change,
/// 0.05 of 5 %, from which on it matters. A difference that has been seen is said, however small;
/// that there is none, only if the interval lies within `least`. Of single repetitions nothing
/// below 3 % is believed: two VMs of the same differ by as much.
Word word_of(const Difference& difference, double p, double least);

}  // namespace nestbed::vmm
