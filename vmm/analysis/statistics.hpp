// Whether two sets of samples differ: medians, a bootstrap interval and a rank test, from
// histograms. What each is, and why: docs/comparing-results.md.
//
// Samples of one VM have in common what the VM got by chance: where its memory and its threads are.
// So where there are several repetitions, each with a VM of its own, they are what is counted, and
// what they differ by among themselves is the noise; a single one shows only the noise within it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "vmm/analysis/samples.hpp"

namespace nestbed::vmm {

struct Difference {
    double base = 0;    ///< the mean of the repetitions' medians, in the samples' unit
    double next = 0;    ///< the same of the other set
    double change = 0;  ///< next / base - 1; infinite if the base is 0
    /// What `change` lies between, with a confidence of 95 %: from -1 to infinity if single VMs had
    /// too few samples to say.
    double low = 0;
    double high = 0;
    /// How likely ranks as unequal as these are if nothing differs.
    double p = 1;
    bool repeated = false;  ///< there were several repetitions of one of them at least
};

/// The same numbers for the same samples: the bootstrap's choices come from a constant seed.
Difference difference_of(const Samples& base, const Samples& next);

/// Holm's correction (Scandinavian Journal of Statistics 6, 1979) of the probabilities of several
/// tests at once: that any of them is below a level by chance is at most as likely as that level.
std::vector<double> corrected(std::span<const double> probabilities);

/// What is to be said of a difference.
enum class Word { faster, slower, less, more, no_difference, cannot_tell };

const char* name_of(Word word);

/// `p` is the difference's after the correction; `least`: the change, 0.05 of 5 %, from which on it
/// matters. A difference that has been seen is said, however small; that there is none, only if the
/// interval lies within `least`. Of single repetitions the interval is taken to be wider by 3 % on
/// both ends: VMs of the same kind may differ by as much. Of what is no time it is not known which
/// is better.
Word word_of(const Difference& difference, double p, double least, std::string_view unit);

}  // namespace nestbed::vmm
