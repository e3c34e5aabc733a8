#include "tests/faulty_host/enumeration.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>

namespace nestbed::faulty_host {

std::vector<Case> cases_of(const Scenario& scenario, const std::vector<Call>& calls,
                           std::size_t most_of_one, std::uint64_t seed) {
    // By thread and by what is called: all that a loop repeats.
    std::map<std::tuple<unsigned, unsigned, std::string>, std::vector<const Call*>> alike;
    for (const Call& call : calls) {
        const SystemCall* const known = system_call(call.place.number);
        if (known != nullptr && known->way != Way::never) {
            alike[{call.place.process, call.place.thread, call.what}].push_back(&call);
        }
    }
    std::mt19937_64 random(seed);
    std::vector<Case> cases;
    for (auto& [what, same] : alike) {
        for (const int error : system_call(same.front()->place.number)->errors) {
            if (same.size() > most_of_one) {
                std::shuffle(same.begin() + 1, same.end(), random);
            }
            const std::size_t count = std::min(same.size(), most_of_one);
            for (std::size_t n = 0; n < count; ++n) {
                cases.push_back({&scenario, *same[n], {same[n]->place, error}});
            }
        }
    }
    return cases;
}

std::vector<Case> sample_of(std::vector<Case> cases, std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::ranges::shuffle(cases, random);
    std::map<std::pair<long, int>, std::size_t> counts;
    std::vector<std::pair<std::size_t, std::size_t>> order;  // how many are before it; which
    for (std::size_t n = 0; n < cases.size(); ++n) {
        const Fault& fault = cases[n].fault;
        order.emplace_back(counts[{fault.place.number, fault.error}]++, n);
    }
    std::ranges::sort(order);
    order.resize(std::min(order.size(), size));
    std::vector<Case> sample;
    for (const auto& [before, n] : order) {
        sample.push_back(std::move(cases[n]));
    }
    return sample;
}

}  // namespace nestbed::faulty_host
