// Random numbers of an input, for generators that want as many as they like.
#pragma once

#include <cstdint>

#include "tests/fuzz/target.hpp"

namespace nestbed::fuzz {

/// Those of the input come first; the others follow from the last of them.
class Numbers {
  public:
    explicit Numbers(Bytes input) : input_(input) {}

    std::uint64_t operator()() {
        if (!input_.none_left()) {
            last_ = input_.value<std::uint64_t>();
            return last_;
        }
        // splitmix64
        last_ += 0x9E37'79B9'7F4A'7C15;
        std::uint64_t mixed = (last_ ^ last_ >> 30) * 0xBF58'476D'1CE4'E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D0'49BB'1331'11EB;
        return mixed ^ mixed >> 31;
    }

  private:
    Choices input_;
    std::uint64_t last_ = 0;
};

}  // namespace nestbed::fuzz
