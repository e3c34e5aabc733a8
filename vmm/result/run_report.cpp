#include "vmm/result/run_report.hpp"

#include <algorithm>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

std::string RunReport::shortcoming() const {
    std::string text = error ? error->what() : interrupted ? "interrupted" : "";
    if (not_finished != 0) {
        text += fmt::format("{}{} did not finish", text.empty() ? "" : ": ",
                            counted(not_finished, "test"));
    }
    return text;
}

std::optional<Error> RunReport::first_error() const {
    if (error) {
        return error;
    }
    const auto has_error = [](const TestResult& test) { return test.error.has_value(); };
    const auto first = std::ranges::find_if(tests, has_error);
    if (first == tests.end()) {
        return std::nullopt;
    }
    const auto others = std::ranges::count_if(tests, has_error) - 1;
    return Error(first->error->kind(),
                 fmt::format("{}{}: {}", first->full_name(),
                             others == 0 ? "" : fmt::format(" (and {} more)", others),
                             first->error->what()));
}

}  // namespace nestbed::vmm
