// A fuzz target: code of ours that is given bytes which nobody has checked. Whatever they are, it
// comes to an end soon, in memory of its own, and refuses with an Error what it cannot use.
//
// Clang's libFuzzer makes up such bytes (./dev fuzz); the unit tests run each target on its corpus,
// tests/fuzz/corpus/NAME, compiled by GCC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace nestbed::fuzz {

using Bytes = std::span<const std::byte>;

/// No std::exception, so that no code takes it for a refusal: it ends the run.
struct Disagreement {};

/// What must hold for every input.
inline void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "this does not hold: %s\n", what);
        throw Disagreement{};
    }
}

inline std::string_view text_of(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Decisions taken from an input, from its first byte on; when it is used up they are all zero.
class Choices {
  public:
    explicit Choices(Bytes input) : rest_(input) {}

    bool none_left() const { return rest_.empty(); }
    Bytes rest() const { return rest_; }

    template <typename T>
    requires std::is_trivially_copyable_v<T> T value() {
        T result{};
        const Bytes taken = take(sizeof result);
        std::memcpy(&result, taken.data(), taken.size());
        return result;
    }
    std::uint8_t byte() { return value<std::uint8_t>(); }
    /// Up to 256 possibilities.
    std::uint8_t below(unsigned limit) { return static_cast<std::uint8_t>(byte() % limit); }
    bool flag() { return (byte() & 1) != 0; }

    Bytes take(std::size_t count) {
        const Bytes taken = rest_.first(count < rest_.size() ? count : rest_.size());
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    /// Up to 255 bytes, as many as the first one says.
    std::string text() { return std::string(text_of(take(byte()))); }

  private:
    Bytes rest_;
};

}  // namespace nestbed::fuzz

/// FUZZ_TARGET(name) { … input … }: `input` is Bytes. In the file name.cpp.
#ifdef NESTBED_LIBFUZZER
#define FUZZ_TARGET(name)                                                               \
    static void fuzz_##name(::nestbed::fuzz::Bytes input);                              \
    extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
        fuzz_##name(std::as_bytes(std::span(data, size)));                              \
        return 0;                                                                       \
    }                                                                                   \
    static void fuzz_##name(::nestbed::fuzz::Bytes input)
#else
#include "tests/fuzz/corpus.hpp"
#define FUZZ_TARGET(name)                                                          \
    static void fuzz_##name(::nestbed::fuzz::Bytes input);                         \
    TEST(FuzzCorpus, name) { ::nestbed::fuzz::run_on_corpus(#name, fuzz_##name); } \
    static void fuzz_##name(::nestbed::fuzz::Bytes input)
#endif
