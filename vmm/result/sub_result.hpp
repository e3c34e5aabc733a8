// A check inside a guest that is not ours, which has said what came of it in a line of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

struct SubResult {
    /// By the word before the colon, as kvm-unit-tests has them.
    enum class Kind {
        pass,
        fail,
        skip,
        xfail,  ///< it failed, as was expected
        xpass,  ///< it passed, and was expected to fail: a failure
        kfail,  ///< it failed for a known fault
    };
    static constexpr std::size_t kinds = 6;
    static constexpr std::array<std::string_view, kinds> words{"PASS",  "FAIL",  "SKIP",
                                                               "XFAIL", "XPASS", "KFAIL"};

    Kind kind;
    std::string text;  ///< behind the colon

    std::string_view word() const { return words[static_cast<std::size_t>(kind)]; }
    bool is_failure() const { return kind == Kind::fail || kind == Kind::xpass; }

    friend bool operator==(const SubResult&, const SubResult&) = default;
};

/// "PASS: apic_id is 0" is one, "PASSED" is none.
inline std::optional<SubResult> sub_result_of(std::string_view line) {
    for (std::size_t kind = 0; kind < SubResult::kinds; ++kind) {
        const std::string_view word = SubResult::words[kind];
        if (line.starts_with(word) && line.substr(word.size()).starts_with(": ")) {
            return SubResult{static_cast<SubResult::Kind>(kind),
                             std::string(line.substr(word.size() + 2))};
        }
    }
    return std::nullopt;
}

/// How many of each kind there were.
struct SubResultCounts {
    std::array<std::uint64_t, SubResult::kinds> of{};

    void add(const SubResult& result) { ++of[static_cast<std::size_t>(result.kind)]; }
    std::uint64_t failures() const {
        return of[static_cast<std::size_t>(SubResult::Kind::fail)] +
               of[static_cast<std::size_t>(SubResult::Kind::xpass)];
    }
    std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : of) {
            sum += count;
        }
        return sum;
    }

    /// "30 PASS, 1 SKIP"; empty if there was none.
    std::string text() const {
        std::string text;
        for (std::size_t kind = 0; kind < of.size(); ++kind) {
            if (of[kind] != 0) {
                text += text.empty() ? "" : ", ";
                text += std::to_string(of[kind]) + " " + std::string(SubResult::words[kind]);
            }
        }
        return text;
    }

    friend bool operator==(const SubResultCounts&, const SubResultCounts&) = default;
};

/// The first and the last of them, and how many there were.
struct SubResults {
    std::vector<SubResult> all;
    std::uint64_t left_out = 0;  ///< in the middle
    SubResultCounts counts;
};

}  // namespace nestbed::vmm
