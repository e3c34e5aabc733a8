// An interval for a ratio of medians, by drawing anew from the samples.
#pragma once

#include "vmm/analysis/samples.hpp"

namespace nestbed::vmm {

struct Ratio {
    double value = 1;
    double low = 1;
    double high = 1;
};

/// What the mean of the repetitions' medians of `next` is divided by that of `base`, and what it
/// lies between with a confidence of 95 %: a percentile interval on the logarithm (Efron and
/// Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), which draws repetitions, and of
/// each as many samples as it has.
///
/// Of few repetitions it is as much wider as Student's distribution asks for. A single one is taken
/// to differ from others of its side as those of the other side do. Two single ones of which one
/// has less than 6 samples say nothing: from 0 to infinity.
Ratio ratio_of(const Samples& base, const Samples& next);

}  // namespace nestbed::vmm
