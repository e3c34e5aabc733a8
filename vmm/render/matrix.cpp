#include "vmm/render/matrix.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

/// Of a suite, or of all of them, in each environment.
using Counts = std::vector<Summary>;

/// The suites in the order in which they come.
class SuiteCounts {
  public:
    explicit SuiteCounts(std::span<const ResultFile> environments) : all(environments.size()) {
        for (std::size_t n = 0; n < environments.size(); ++n) {
            for (const TestResult& test : environments[n].tests) {
                counts_of(test.suite)[n].add(test.verdict);
                all[n].add(test.verdict);
            }
        }
    }

    std::vector<std::pair<std::string_view, Counts>> suites;
    Counts all;

  private:
    Counts& counts_of(std::string_view suite) {
        const auto [place, is_new] = places_.emplace(suite, suites.size());
        if (is_new) {
            suites.emplace_back(suite, Counts(all.size()));
        }
        return suites[place->second].second;
    }

    std::unordered_map<std::string_view, std::size_t> places_;
};

void add_row(Table& table, std::string title, const Counts& counts) {
    std::vector<std::string> cells{std::move(title)};
    for (const Summary& summary : counts) {
        for (const std::uint64_t count : {summary.passed, summary.failed, summary.skipped}) {
            // A suite that did not run here is no suite without tests.
            cells.push_back(summary.total() == 0 ? "-" : fmt::format("{}", count));
        }
    }
    table.add_row(std::move(cells));
}

std::string suite_counts_text(std::span<const ResultFile> environments, std::size_t width) {
    std::vector<Table::Column> columns{
        {.title = "suite", .align = Table::Align::left, .is_key = true}};
    for (const ResultFile& environment : environments) {
        for (const char* title : {"passed", "failed", "skipped"}) {
            columns.push_back({title, Table::Align::right, printable(environment.environment)});
        }
    }
    Table table(std::move(columns));
    const SuiteCounts counts(environments);
    for (const auto& [suite, of_suite] : counts.suites) {
        add_row(table, printable(suite), of_suite);
    }
    add_row(table, "all", counts.all);
    return table.text(0, width);
}

std::string description_of(const ResultFile& environment) {
    const HostDescription& host = environment.host;
    std::string text = fmt::format("{} on {}", host.paging.value_or("unknown paging"),
                                   host.cpu.value_or("an unknown processor"));
    if (host.emulated) {
        text += fmt::format(", emulated by {}", host.emulated->emulator);
        if (host.emulated->retries != 0) {
            text += fmt::format(" ({} before it hung)", counted(host.emulated->retries, "machine"));
        }
    }
    text += ", Linux " + host.kernel.value_or("of unknown version");
    if (environment.not_finished != 0) {
        text += fmt::format("; {} did not finish", counted(environment.not_finished, "test"));
    }
    return text;
}

std::string descriptions_text(std::span<const ResultFile> environments, std::size_t width) {
    Table table = Table::of_facts();
    for (const ResultFile& environment : environments) {
        table.add_row({printable(environment.environment), printable(description_of(environment))});
    }
    return table.text(2, width);
}

/// All tests of one verdict: the reason, then where and which. The same reason stands once, and so
/// do the same tests in several environments.
std::string reasons_text(std::span<const ResultFile> environments, Verdict verdict,
                         std::size_t width) {
    std::map<std::string, std::map<std::string, std::vector<std::string>>> reasons;
    for (const ResultFile& environment : environments) {
        for (const TestResult& test : environment.tests) {
            if (test.verdict == verdict) {
                std::vector<std::string>& where = reasons[test.reason][test.full_name()];
                // Once, however often it was repeated there.
                if (where.empty() || where.back() != environment.environment) {
                    where.push_back(environment.environment);
                }
            }
        }
    }
    std::string text;
    for (const auto& [reason, tests] : reasons) {
        std::map<std::vector<std::string>, std::vector<std::string>> by_environments;
        for (const auto& [test, where] : tests) {
            by_environments[where].push_back(test);
        }
        const std::string why = printable(reason.empty() ? "an expectation" : reason);
        text += fmt::format("  {}\n", fmt::join(wrapped(why, width - 2), "\n  "));
        for (const auto& [where, names] : by_environments) {
            const std::string line =
                fmt::format("{}: {}", fmt::join(where, ", "), fmt::join(names, ", "));
            text += fmt::format(
                "    {}\n",
                fmt::join(wrapped(printable(line), std::min(width, page_width) - 4), "\n    "));
        }
    }
    return text;
}

std::string flaky_tests_text(std::span<const ResultFile> environments, std::size_t width) {
    std::string text;
    for (const ResultFile& environment : environments) {
        for (const TestResult& test : environment.tests) {
            if (test.is_flaky()) {
                const std::string line = fmt::format("{}: {}: {}", environment.environment,
                                                     test.full_name(), flaky_text(test));
                text +=
                    fmt::format("  {}\n", fmt::join(wrapped(printable(line), width - 4), "\n    "));
            }
        }
    }
    return text.empty() ? "" : "\nflaky:\n" + text;
}

}  // namespace

std::string matrix_text(std::span<const ResultFile> environments, std::size_t width) {
    constexpr std::size_t least = 20;
    width = std::max(width, least);
    std::string text =
        suite_counts_text(environments, width) + "\n" + descriptions_text(environments, width);
    for (const Verdict verdict : {Verdict::skipped, Verdict::failed}) {
        if (const std::string reasons = reasons_text(environments, verdict, width);
            !reasons.empty()) {
            text += fmt::format("\n{}:\n{}", verdict_name(verdict), reasons);
        }
    }
    return text + flaky_tests_text(environments, width);
}

bool all_passed(std::span<const ResultFile> environments) {
    return std::ranges::all_of(environments, [](const ResultFile& environment) {
        const auto has = [&](Verdict verdict) {
            return std::ranges::find(environment.tests, verdict, &TestResult::verdict) !=
                   environment.tests.end();
        };
        return environment.not_finished == 0 && !has(Verdict::failed) && has(Verdict::passed);
    });
}

}  // namespace nestbed::vmm
