#include "vmm/render/blame.hpp"

#include <fmt/format.h>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

Blame blame_of(const TestResult& test, const Attempt& attempt) {
    // A guest that died may have failed before, but that is not why it is not at its end.
    if (attempt.failures.empty() || !attempt.diagnosis.empty() || attempt.error) {
        const std::vector<std::string_view> lines = lines_of(attempt.reason);
        return {test.file, test.line, lines.empty() ? "" : std::string(lines.front())};
    }
    const FailedExpectation& first = attempt.failures.front();
    const std::uint64_t others = attempt.failures.size() - 1 + attempt.failures_left_out;
    return {first.file, first.line,
            fmt::format("expected {}, and it is {}{}", first.expression, first.values,
                        others == 0 ? "" : fmt::format(" (and {} more)", grouped(others)))};
}

std::string text_of(const Blame& blame) {
    return fmt::format("{}: {}", place_text(blame.file, blame.line), blame.why);
}

}  // namespace nestbed::vmm
