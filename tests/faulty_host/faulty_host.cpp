// nestbed on a host one of whose system calls fails: each of start-up's and of the run loop's in
// turn, with each of its errors. Whatever it is, the program ends, without a signal, with the exit
// code and the one line that are right, its reports whole and nothing left behind.
//
// faulty_host PROGRAM [--all] [--sample N] [--seed N] [--jobs N] [--scenario NAME] [--call NAME]
//             [--show]

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <new>
#include <stdexcept>

#include "tests/faulty_host/enumeration.hpp"
#include "vmm/base/descriptor.hpp"
#include "vmm/base/file.hpp"

namespace {

using namespace nestbed::faulty_host;
namespace fs = std::filesystem;

constexpr int skipped = 77;
/// Less than the minute after which the program gives up a VM of whose process nothing comes: that
/// is for what nobody has thought of.
constexpr std::chrono::seconds longest_run(50);

struct Options {
    std::string program;
    bool all = false;
    bool show = false;        ///< each case
    std::size_t sample = 75;  ///< of each scenario
    std::uint64_t seed = 1;
    unsigned jobs = 2;
    std::string scenario;  ///< only this
    std::string call;      ///< only this
};

std::uint64_t number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument(text + " is no number");
    }
    return value;
}

Options options_of(const std::vector<std::string>& words) {
    Options options;
    for (std::size_t n = 0; n < words.size(); ++n) {
        const std::string& word = words[n];
        const auto value = [&] {
            return n + 1 < words.size() ? words[++n]
                                        : throw std::invalid_argument(word + " lacks its value");
        };
        if (word == "--all") {
            options.all = true;
        } else if (word == "--show") {
            options.show = true;
        } else if (word == "--sample") {
            options.sample = number(value());
        } else if (word == "--seed") {
            options.seed = number(value());
        } else if (word == "--jobs") {
            options.jobs = static_cast<unsigned>(number(value()));
        } else if (word == "--scenario") {
            options.scenario = value();
        } else if (word == "--call") {
            options.call = value();
        } else if (options.program.empty() && !word.starts_with('-')) {
            options.program = fs::absolute(word);
        } else {
            throw std::invalid_argument("there is no option " + word);
        }
    }
    if (options.program.empty()) {
        throw std::invalid_argument("which program?");
    }
    return options;
}

TracedRun run_scenario(const Options& options, const Scenario& scenario, const fs::path& folder,
                       const std::optional<Fault>& fault) {
    fs::remove_all(folder);
    fs::create_directory(folder);
    std::vector<std::string> command{options.program};
    command.insert(command.end(), scenario.arguments.begin(), scenario.arguments.end());
    return run_traced(command, folder, longest_run, fault);
}

std::string described(const Case& one) {
    const Place& place = one.fault.place;
    return fmt::format("{}: {} of {} (process {}, thread {}, {} number {})", one.scenario->name,
                       name_of_error(one.fault.error), one.call.what, place.process, place.thread,
                       system_call(place.number)->name, place.nth);
}

constexpr std::array conduct_names{"overcame", "failed_test", "failed", "not_reached", "wrong"};

void show(const Case& one, const TracedRun& run, const Judgement& judgement) {
    std::string text = fmt::format(
        "{:<12} {}", conduct_names.at(static_cast<std::size_t>(judgement.conduct)), described(one));
    if (judgement.conduct == Conduct::wrong) {
        text += fmt::format("\n    {}; exit code {}", judgement.objection, run.exit_code);
        const std::size_t from = run.out.find("failed:\n");
        if (run.exit_code == 1 && from != std::string::npos) {
            text += "\n    " + run.out.substr(from);
        }
    }
    if (judgement.conduct != Conduct::not_reached && !run.err.empty()) {
        text += "\n    " + run.err;
    }
    text += text.ends_with('\n') ? "" : "\n";
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

/// What the processes that try cases share.
struct Shared {
    static constexpr std::size_t most_cases = 65536;

    std::atomic<std::size_t> next = 0;
    std::array<std::atomic<unsigned>, most_cases> conduct{};  ///< of each case, plus one
};

void try_cases(const Options& options, const std::vector<Case>& cases, const fs::path& folder,
               Shared& shared) {
    for (std::size_t n = shared.next++; n < cases.size(); n = shared.next++) {
        const Case& one = cases[n];
        const TracedRun run = run_scenario(options, *one.scenario, folder, one.fault);
        const Judgement judgement = judge(*one.scenario, one.fault, run, folder);
        shared.conduct.at(n) = static_cast<unsigned>(judgement.conduct) + 1;
        if (options.show || judgement.conduct == Conduct::wrong) {
            show(one, run, judgement);
        }
    }
}

/// A tracer waits for all that it traces, and so is a process of its own.
void try_side_by_side(const Options& options, const std::vector<Case>& cases,
                      const fs::path& folder, Shared& shared) {
    std::vector<pid_t> workers;
    for (unsigned n = 0; n < options.jobs; ++n) {
        const pid_t worker = ::fork();
        if (worker == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try_cases(options, cases, folder / std::to_string(n), shared);
            ::_exit(0);
        }
        workers.push_back(worker);
    }
    for (const pid_t worker : workers) {
        ::waitpid(worker, nullptr, 0);
    }
}

/// What comes of each call, in all scenarios; true if that is right.
bool summarize(const std::vector<Case>& cases, const Shared& shared) {
    std::map<std::string, std::array<unsigned, conduct_names.size()>> by_call;
    std::array<unsigned, conduct_names.size()> all{};
    unsigned untried = 0;
    for (std::size_t n = 0; n < cases.size(); ++n) {
        const unsigned conduct = shared.conduct.at(n);
        if (conduct == 0) {
            ++untried;
            continue;
        }
        ++by_call[system_call(cases[n].fault.place.number)->name].at(conduct - 1);
        ++all.at(conduct - 1);
    }
    fmt::print("{:<26}{:>10}{:>13}{:>10}{:>13}{:>10}\n", "", "overcome", "failed test", "failed",
               "not reached", "wrong");
    by_call["all"] = all;
    for (const auto& [name, counts] : by_call) {
        fmt::print("{:<26}{:>10}{:>13}{:>10}{:>13}{:>10}\n", name, counts[0], counts[1], counts[2],
                   counts[3], counts[4]);
    }
    // Other threads, other turns: a few calls are not always there. Most are.
    const bool are_reached = all[3] * 4 < cases.size();
    if (untried != 0 || !are_reached) {
        fmt::print("{} cases were not tried, {} of {} calls not reached\n", untried, all[3],
                   cases.size());
    }
    return untried == 0 && are_reached && all[4] == 0;
}

/// Runs it without a fault, and returns those that are to be tried. Throws std::runtime_error if it
/// does not even do then what it should.
std::vector<Case> count_calls(const Options& options, const Scenario& scenario,
                              const fs::path& folder) {
    const TracedRun run = run_scenario(options, scenario, folder, std::nullopt);
    if (run.out.find("0 passed, 0 failed, 1 skipped") != std::string::npos) {
        fmt::print("{}: this host lacks what it needs\n", scenario.name);
        return {};
    }
    if (run.exit_code != scenario.exit_code || run.out.find(scenario.shows) == std::string::npos) {
        throw std::runtime_error(fmt::format("{}: exit code {} without any fault: {}{}",
                                             scenario.name, run.exit_code, run.out, run.err));
    }
    for (const Call& call : run.calls) {
        if (system_call(call.place.number) == nullptr) {
            throw std::runtime_error(fmt::format("{}: how {} fails is not in system_calls.cpp",
                                                 scenario.name, call.what));
        }
    }
    const std::size_t most_of_one = options.all ? 20 : 5;
    std::vector<Case> cases = cases_of(scenario, run.calls, most_of_one, options.seed);
    std::erase_if(cases, [&](const Case& one) {
        return !options.call.empty() && options.call != system_call(one.fault.place.number)->name;
    });
    const std::size_t all = cases.size();
    if (!options.all) {
        // Which takes half a second.
        const std::size_t size = scenario.calibrates ? options.sample / 5 : options.sample;
        cases = sample_of(std::move(cases), size, options.seed);
    }
    fmt::print("{}: {} of {} faults\n", scenario.name, cases.size(), all);
    return cases;
}

int run_all(const Options& options) {
    std::string name = fs::temp_directory_path() / "nestbed-faulty-host-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("no folder in " + name);
    }
    const nestbed::vmm::ScratchFolder scratch(name);
    if (run_scenario(options, {.name = "", .arguments = {"doctor"}}, scratch.path() / "doctor", {})
            .exit_code == 3) {
        fmt::print("skipped: no usable KVM (nestbed doctor says why)\n");
        return skipped;
    }
    std::vector<Case> cases;
    for (const Scenario& scenario : scenarios()) {
        if (options.scenario.empty() || options.scenario == scenario.name) {
            std::ranges::move(count_calls(options, scenario, scratch.path() / "count"),
                              std::back_inserter(cases));
        }
    }
    std::fflush(stdout);
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || cases.size() > Shared::most_cases) {
        throw std::runtime_error("no memory for so many cases");
    }
    const nestbed::vmm::Mapping mapping(memory, sizeof(Shared));
    Shared& shared = *new (memory) Shared;
    try_side_by_side(options, cases, scratch.path(), shared);
    return summarize(cases, shared) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_all(options_of({argv + 1, argv + argc}));
    } catch (const std::exception& error) {
        std::fputs(fmt::format("faulty_host: {}\n", error.what()).c_str(), stderr);
        return 2;
    }
}
