// Result files, and the list of expected skips: read back and set side by side, or refused. An
// input is up to three of them, with a byte 0x1E between: two results and a list.

#include <nlohmann/json.hpp>
#include <vector>

#include "tests/fuzz/target.hpp"
#include "vmm/analysis/compare.hpp"
#include "vmm/analysis/comparison_json.hpp"
#include "vmm/analysis/comparison_text.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/expected_skips.hpp"
#include "vmm/render/matrix.hpp"
#include "vmm/render/result_file.hpp"

namespace nestbed {
namespace {

std::vector<vmm::ResultFile> results_in(const std::vector<std::string_view>& files) {
    std::vector<vmm::ResultFile> results;
    for (std::size_t n = 0; n < 2 && n < files.size(); ++n) {
        try {
            results.push_back(vmm::result_file_from(files[n], n == 0 ? "a.json" : "b.json"));
        } catch (const vmm::Error&) {
            // It is no result.
        }
    }
    return results;
}

void judge(std::string_view list, const std::vector<vmm::ResultFile>& results) {
    try {
        const auto judgement =
            vmm::judge_skips(vmm::expected_skips_from(list, "list.json"), results);
        static_cast<void>(judgement);
    } catch (const vmm::Error&) {
        // It is no list.
    }
}

}  // namespace
}  // namespace nestbed

FUZZ_TARGET(results) {
    using namespace nestbed;
    const std::vector<std::string_view> files = vmm::split(fuzz::text_of(input), '\x1E');
    const std::vector<vmm::ResultFile> results = results_in(files);
    if (!results.empty()) {
        fuzz::require(!vmm::matrix_text(results, 80).empty(), "results have a table");
        static_cast<void>(vmm::all_passed(results));
        const vmm::Comparison comparison = vmm::compare(results.front(), results.back(), 0.05);
        static_cast<void>(vmm::comparison_text(comparison));
        const std::string report = vmm::comparison_report({comparison}, 0.05);
        fuzz::require(nlohmann::json::accept(report), "a report is JSON");
        static_cast<void>(vmm::regressions_in(comparison, 0.05));
    }
    if (files.size() > 2) {
        judge(files[2], results);
    }
}
