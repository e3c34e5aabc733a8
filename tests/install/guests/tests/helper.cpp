#include "helper.hpp"

std::uint64_t twice(std::uint64_t value) { return 2 * value; }
