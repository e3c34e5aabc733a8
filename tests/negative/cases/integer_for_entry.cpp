// 64 bits are no entry until someone says of which level.
// expected of g++: conversion from 'uint64_t'.* to non-scalar type '.*Pte'
// expected of clang++: no viable conversion from .* to '.*Pte'
#include "shared/paging/entry.hpp"

namespace nestbed::paging {

#ifndef WITHOUT_MISUSE
Pte misuse(std::uint64_t raw) {
    Pte entry = raw;
    return entry;
}
#else
Pte use(std::uint64_t raw) {
    Pte entry(raw);
    return entry;
}
#endif

}  // namespace nestbed::paging
