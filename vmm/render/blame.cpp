#include "vmm/render/blame.hpp"

#include <fmt/format.h>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

Blame blame_of(const TestResult& test) {
    // A guest that died may have failed before, but that is not why it is not at its end.
    if (test.failures.empty() || !test.diagnosis.empty() || test.error) {
        const std::vector<std::string_view> lines = lines_of(test.reason);
        return {test.file, test.line, lines.empty() ? "" : std::string(lines.front())};
    }
    const FailedExpectation& first = test.failures.front();
    const std::uint64_t others = test.failures.size() - 1 + test.failures_left_out;
    return {first.file, first.line,
            fmt::format("expected {}, and it is {}{}", first.expression, first.values,
                        others == 0 ? "" : fmt::format(" (and {} more)", grouped(others)))};
}

std::string text_of(const Blame& blame) {
    return fmt::format("{}:{}: {}", blame.file, blame.line, blame.why);
}

}  // namespace nestbed::vmm
