// Protocols with a bug planted in each; see make_mutants.sh.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/model/scenarios.hpp"

namespace nestbed::model {

struct Mutant {
    std::string protocol;
    std::string name;
    std::string what;  ///< is wrong with it
    Candidate candidate;
};

inline void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.what; }

const std::vector<Mutant>& mutants();

}  // namespace nestbed::model
