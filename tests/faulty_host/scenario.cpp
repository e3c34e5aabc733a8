#include "tests/faulty_host/scenario.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <boost/property_tree/xml_parser.hpp>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "vmm/base/file.hpp"

namespace nestbed::faulty_host {

namespace {

namespace fs = std::filesystem;

/// What the program says of an error without the kernel's words for it.
struct OtherWords {
    std::optional<int> error;
    std::optional<long> number;
    const char* words;
};
constexpr std::array other_words{
    OtherWords{ENOMEM, {}, "there is no memory left"},
    // pthread_create() says EAGAIN instead.
    OtherWords{ENOMEM, {}, "cannot start the thread"},
    OtherWords{EAGAIN, {}, "cannot start the thread"},
    OtherWords{ENOMEM, {}, "expected error == 0U, and it is 11 =="},
    OtherWords{EACCES, SYS_openat, "no permission to open /dev/kvm"},
    // libseccomp asks the kernel what it can do, and believes the answers.
    OtherWords{{}, SYS_seccomp, "the filter of system calls: Operation not supported"},
    // The guest's words for what it was told; the test is skipped.
    OtherWords{EPERM, {}, "the host's userfaultfd is not ours to use"},
    OtherWords{EINVAL, {}, "the host does not have such faults"},
    // By this call it would have said why.
    OtherWords{{}, SYS_write, "could not send its result"},
};

bool names(const std::string& text, const Fault& fault) {
    const auto says = [&](const std::string& words) {
        return text.find(words) != std::string::npos;
    };
    // The last is what a guest has been told by its host.
    return says(::strerror(fault.error)) || says(fmt::format("it is {} == 0", fault.error)) ||
           std::ranges::any_of(other_words, [&](const OtherWords& other) {
               return other.error.value_or(fault.error) == fault.error &&
                      other.number.value_or(fault.place.number) == fault.place.number &&
                      says(other.words);
           });
}

/// Nothing if the report is whole.
std::optional<std::string> objection_to_json(const Scenario& scenario, const TracedRun& run,
                                             const std::string& text) {
    const auto report = nlohmann::json::parse(text, nullptr, false);
    if (report.is_discarded() || !report.contains("tests")) {
        return "is no whole report";
    }
    const auto tests = report.at("tests").size() + report.at("not_finished").get<std::size_t>();
    if (tests != scenario.tests) {
        return fmt::format("knows of {} tests", tests);
    }
    const bool has_error = !report.at("error").is_null();
    return run.exit_code == scenario.exit_code && has_error
               ? std::optional<std::string>("has an error, which the exit code has not")
               : std::nullopt;
}

std::optional<std::string> objection_to_xml(const std::string& text) {
    std::istringstream stream(text);
    boost::property_tree::ptree tree;
    try {
        boost::property_tree::read_xml(stream, tree);
    } catch (const boost::property_tree::xml_parser_error& error) {
        return error.what();
    }
    return tree.count("testsuites") == 1 ? std::nullopt
                                         : std::optional<std::string>("has no testsuites");
}

/// What is wrong with the files of a run.
std::optional<std::string> objection_to_files(const Scenario& scenario, const TracedRun& run,
                                              const fs::path& folder) {
    // Of files that cannot be written, before anything is run.
    const bool is_refused =
        run.out.empty() && std::ranges::any_of(scenario.outputs, [&](const std::string& name) {
            return run.err.find(name) != std::string::npos;
        });
    for (const std::string& name : scenario.outputs) {
        if (!fs::exists(folder / name)) {
            if (!is_refused && run.err.find("cannot write " + name) == std::string::npos) {
                return name + " was not written, without a reason";
            }
            continue;
        }
        const std::string text = vmm::read_file(folder / name);
        const auto objection = name.ends_with(".xml") ? objection_to_xml(text)
                                                      : objection_to_json(scenario, run, text);
        if (objection) {
            return name + " " + *objection;
        }
    }
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = fs::relative(entry.path(), folder);
        const bool is_output = std::ranges::count(scenario.outputs, name) != 0;
        const bool may_be_left =
            run.exit_code != 0 && std::ranges::count(scenario.leaves, name) != 0;
        if (!is_output && !may_be_left) {
            return name + " was left behind";
        }
    }
    return std::nullopt;
}

std::optional<std::string> objection_to_end(const TracedRun& run) {
    if (run.has_hung) {
        return "it hung";
    }
    if (run.left_behind != 0) {
        return fmt::format("{} processes outlived it", run.left_behind);
    }
    return run.died_of.empty() ? std::nullopt : std::optional("died: " + run.died_of);
}

/// A VM that is not confined as it should be is not run.
bool is_of_confinement(const Fault& fault, const TracedRun& run) {
    static const std::set<long> numbers{SYS_prctl, SYS_capset, SYS_prlimit64,
                                        SYS_landlock_create_ruleset, SYS_landlock_restrict_self};
    return fault.place.process != 0 &&
           (numbers.contains(fault.place.number) || run.failed == "seccomp with a filter");
}

/// By the exit code, and by what was said.
Judgement judge_words(const Scenario& scenario, const Fault& fault, const TracedRun& run) {
    const bool shows = run.out.find(scenario.shows) != std::string::npos;
    if (run.exit_code == scenario.exit_code && shows) {
        if (!scenario.calibrates && is_of_confinement(fault, run)) {
            return {Conduct::wrong, "it ran a guest that was not confined"};
        }
        return run.err.empty() ? Judgement{Conduct::overcame, ""}
                               : Judgement{Conduct::wrong, "it overcame that, and complains"};
    }
    switch (run.exit_code) {
        case 1:
            return names(run.out, fault)
                       ? Judgement{Conduct::failed_test, ""}
                       : Judgement{Conduct::wrong, "the test's reason does not say what failed"};
        case 3:
        case 4:
            if (!run.err.starts_with("nestbed: ") || std::ranges::count(run.err, '\n') != 1) {
                return {Conduct::wrong, "standard error has not one line"};
            }
            return names(run.err, fault)
                       ? Judgement{Conduct::failed, ""}
                       : Judgement{Conduct::wrong, "the line does not say what failed"};
        case 0:
            return {Conduct::wrong, "exit code 0, and it has not done what it should"};
        default:
            return {Conduct::wrong, "no exit code for that"};
    }
}

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all{
        {.name = "run",
         .arguments = {"run", "boot", "--filter", "boot.empty"},
         .shows = "1 passed, 0 failed"},
        {.name = "reports",
         .arguments = {"run", "boot", "--filter", "boot.empty", "--output", "x.json", "--output",
                       "x.xml"},
         .shows = "1 passed, 0 failed",
         .outputs = {"x.json", "x.xml"},
         .tests = 1,
         .calibrates = true},
        {.name = "vcpus",
         .arguments = {"run", "ipi", "--filter", "ipi.broadcast_reaches_all_others"},
         .shows = "1 passed, 0 failed"},
        {.name = "side_by_side",
         .arguments = {"run", "boot", "user", "--filter", "boot.empty:user.runs_at*", "--jobs", "2",
                       "--output", "x.xml"},
         .shows = "2 passed, 0 failed",
         .outputs = {"x.xml"}},
        {.name = "test_memory",
         .arguments = {"run", "test_memory", "--filter", "test_memory.the_vmm_brings*"},
         .shows = "1 passed, 0 failed"},
        {.name = "dirty_log",
         .arguments = {"run", "dirty_log", "--filter",
                       "dirty_log.rings_is_empty_when_it_starts_again"},
         .shows = "1 passed, 0 failed"},
        {.name = "crash",
         .arguments = {"run", "crash", "--filter", "crash.page_fault"},
         .exit_code = 1,
         .shows = "#PF page fault at 0x700000001000"},
        {.name = "hang",
         .arguments = {"run", "crash", "--filter", "crash.hang", "--timeout", "0.2"},
         .exit_code = 1,
         .shows = "no end after 0.2 s"},
        {.name = "measure",
         .arguments = {"measure", "hypercall", "--kind", "port", "--samples", "1", "--no-pin",
                       "--output", "x.json"},
         .shows = "\nport ",
         .outputs = {"x.json"},
         .leaves = {"x.json.journal"},
         .tests = 1,
         .calibrates = true},
        {.name = "doctor",
         .arguments = {"doctor"},
         .shows = "How far timings can be trusted here",
         .calibrates = true},
    };
    return all;
}

Judgement judge(const Scenario& scenario, const Fault& fault, const TracedRun& run,
                const fs::path& folder) {
    if (const auto objection = objection_to_end(run)) {
        return {Conduct::wrong, *objection};
    }
    if (!run.failed) {
        return {Conduct::not_reached, ""};
    }
    Judgement judgement = judge_words(scenario, fault, run);
    if (judgement.conduct != Conduct::wrong) {
        if (const auto objection = objection_to_files(scenario, run, folder)) {
            return {Conduct::wrong, *objection};
        }
    }
    return judgement;
}

}  // namespace nestbed::faulty_host
