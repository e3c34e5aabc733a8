#pragma once

#include <cstdint>

std::uint64_t twice(std::uint64_t value);
