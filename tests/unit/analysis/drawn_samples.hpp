// Samples of known distributions.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "vmm/analysis/samples.hpp"

namespace nestbed::vmm::test {

using Random = std::mt19937_64;

inline double normal(Random& random) { return std::normal_distribution<double>()(random); }

/// What a single sample is like, about 100,000 cycles.
using Kind = double (*)(Random&);

inline double calm(Random& random) { return 100'000 * std::exp(0.02 * normal(random)); }
inline double log_normal(Random& random) { return 100'000 * std::exp(0.3 * normal(random)); }
inline double bimodal(Random& random) {
    return (random() % 10 < 4 ? 100'000 : 180'000) * std::exp(0.05 * normal(random));
}
/// One in fifty met with time that the host took for something else.
inline double with_steal(Random& random) {
    const double stolen = random() % 50 == 0 ? 1e6 * static_cast<double>(1 + random() % 20) : 0;
    return 100'000 * std::exp(0.05 * normal(random)) + stolen;
}

struct Source {
    Kind kind = calm;
    std::size_t repetitions = 1;
    int count = 100;
    double vm_noise = 0;  ///< what VMs differ by, as a standard deviation, 0.01 of 1 %
};

/// The histograms that Samples point to.
class DrawnSamples {
  public:
    DrawnSamples(const Source& source, Random& random, double times = 1) {
        for (std::size_t n = 0; n < source.repetitions; ++n) {
            const double vm = times * std::exp(source.vm_noise * normal(random));
            stats::Histogram& histogram = histograms_.emplace_back();
            for (int count = 0; count < source.count; ++count) {
                histogram.record(static_cast<std::uint64_t>(source.kind(random) * vm));
            }
        }
    }

    Samples samples(double scale = 1) const {
        Samples result{.repetitions = {}, .scale = scale};
        for (const stats::Histogram& histogram : histograms_) {
            result.repetitions.push_back(&histogram);
        }
        return result;
    }

  private:
    std::vector<stats::Histogram> histograms_;
};

}  // namespace nestbed::vmm::test
