// Runs a fuzz target on its corpus, as a unit test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/target.hpp"

namespace nestbed::fuzz {

inline void run_on_corpus(const char* name, void (*target)(Bytes)) {
    std::size_t inputs = 0;
    const std::filesystem::path folder = std::filesystem::path(NESTBED_FUZZ_CORPUS) / name;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        SCOPED_TRACE(entry.path());
        EXPECT_NO_THROW(target(std::as_bytes(std::span(bytes))));
        ++inputs;
    }
    EXPECT_GT(inputs, 0U);
}

}  // namespace nestbed::fuzz
