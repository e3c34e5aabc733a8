#include "vmm/cli/selection_options.hpp"

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/render/result_file.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t most_shards = 1'000'000;

Shard parse_shard(const std::string& text) {
    const std::vector<std::string_view> parts = split(text, '/');
    if (parts.size() != 2) {
        throw_error(ErrorKind::usage, "--shard {}: not of the form I/N (--shard 2/4)", text);
    }
    const std::uint64_t count = parse_number("--shard", parts[1], 1, most_shards);
    return {parse_number("--shard", parts[0], 1, count), count};
}

/// Read now: the run's own report may go into the same file.
void read_failed(const std::string& path, SelectionOptions& options) {
    const ResultFile report = result_or_error_from(read_file(path, ErrorKind::input), path);
    FailedBefore before{.report = path, .tests = {report.left_out.begin(), report.left_out.end()}};
    for (const TestResult& test : report.tests) {
        if (!test.study.empty()) {
            throw_error(ErrorKind::input,
                        "--rerun-failed {}: nestbed measure made it, and goes on with --resume",
                        path);
        }
        if (test.verdict == Verdict::failed) {
            before.tests.insert(test.full_name());
        }
    }
    if (report.not_finished != 0 && report.left_out.empty()) {
        throw_error(ErrorKind::input,
                    "--rerun-failed {}: an older nestbed made it, which did not say which tests it "
                    "left out; run all of them again",
                    path);
    }
    if (before.tests.empty() && report.error) {
        throw_error(ErrorKind::input,
                    "--rerun-failed {}: no test failed in it, but the run did: {}", path,
                    *report.error);
    }
    // That all were skipped was no success.
    if (std::ranges::all_of(report.tests, [](const TestResult& test) {
            return test.verdict == Verdict::skipped;
        })) {
        for (const TestResult& test : report.tests) {
            before.tests.insert(test.full_name());
        }
    }
    options.tests.failed_before = std::move(before);
    options.guests_before = report.guests;
}

}  // namespace

void add_selection_options(CLI::App* command, SelectionOptions& options) {
    command->add_option(
        "GUEST", options.guests,
        "Built-in guests by name, or paths of guest ELFs (default: the built-in suites)");
    add_test_options(command, options);
}

void add_test_options(CLI::App* command, SelectionOptions& options) {
    add_values(command, "--filter", "GLOB",
               "Only tests whose suite.name matches; several with : between\n"
               "them, behind the first - what is left out ('a.*:-a.slow*')",
               [&](const std::string& text) { options.tests.filter.add(text); });
    add_values(command, "--tag", "TAG",
               "Only tests with that tag; with - in front, only tests without;\n"
               "several with , between them (nestbed list shows tags)",
               [&](const std::string& text) { options.tests.tags.add(text); });
    add_value(command, "--rerun-failed", "RESULT.json",
              "Only tests that failed, or did not finish, in that report; its\n"
              "guests, if none is named",
              [&](const std::string& text) { read_failed(text, options); });
    add_value(command, "--shard", "I/N",
              "The I-th of N parts of that; all N together are all of it",
              [&](const std::string& text) {
                  const Shard shard = parse_shard(text);
                  options.tests.shard = shard.count == 1 ? std::nullopt : std::optional(shard);
              });
}

void add_inputs(const SelectionOptions& options, Invocation& invocation) {
    invocation.guests = options.named_guests();
    if (options.tests.failed_before) {
        invocation.inputs.push_back(options.tests.failed_before->report);
    }
}

}  // namespace nestbed::vmm
