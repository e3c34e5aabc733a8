// What a TLB miss costs, fitted to a curve over working sets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace nestbed::vmm {

/// A working set of so many translations, and the cycles that translating takes per access.
struct MissPoint {
    double translations;
    double cycles;
};

/// cycles(n) = cycles_per_miss * max(0, 1 - reach / n): of n translations in a random cycle, a
/// cache that holds `reach` of them and replaces at random keeps that share. A first-level TLB and
/// caches that hold fewer and fewer of the tables' own entries bend the real curve: `residual` says
/// how far.
struct MissFit {
    double cycles_per_miss;
    double reach;        ///< translations
    double residual;     ///< root mean square of the differences, in cycles
    std::size_t points;  ///< beyond the reach, which the fit is made from
};

/// By least squares; nothing if fewer than three points are beyond the reach that fits best, or if
/// no miss costs anything.
std::optional<MissFit> fit_misses(const std::vector<MissPoint>& points);

}  // namespace nestbed::vmm
