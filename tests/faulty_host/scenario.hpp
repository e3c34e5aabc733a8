// What is run on a faulty host, and what is right then.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/faulty_host/traced_run.hpp"

namespace nestbed::faulty_host {

struct Scenario {
    std::string name;
    std::vector<std::string> arguments = {};
    int exit_code = 0;
    std::string shows = {};                 ///< on standard output, if all went well
    std::vector<std::string> outputs = {};  ///< files that it writes
    std::vector<std::string> leaves = {};   ///< files that it may leave if it fails
    std::size_t tests = 0;                  ///< in its JSON report
    bool calibrates = false;                ///< of which a fault costs a fact alone
};

/// Small ones, for each part of start-up and of the run loop one.
const std::vector<Scenario>& scenarios();

enum class Conduct {
    overcame,     ///< as if nothing had failed
    failed_test,  ///< exit code 1, and the test's reason says what failed
    failed,       ///< exit code 3 or 4, and one line says why
    not_reached,  ///< this time there was no such call
    wrong,
};

struct Judgement {
    Conduct conduct;
    std::string objection;  ///< of what is wrong
};

/// `folder` is what the run was in and wrote its files to.
Judgement judge(const Scenario& scenario, const Fault& fault, const TracedRun& run,
                const std::filesystem::path& folder);

}  // namespace nestbed::faulty_host
