// Running hostile guests, and what holds of every such run.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/vmm/cli_test.hpp"

namespace nestbed::test {

class Hostile : public WithKvm {
  protected:
    /// The path of a guest of this folder.
    static std::string guest(const std::string& name);

    /// Runs them as `nestbed run` does, with more arguments. Whatever they do, the program ends by
    /// itself, with exit code 0 or 1, in bounded memory; it writes a whole report and nothing that
    /// drives a terminal; and each test is what is expected of it. Returns the report's tests.
    nlohmann::json run(const std::vector<std::string>& guests,
                       const std::vector<std::string>& arguments = {});
};

/// Nothing in it is a control character but newlines, and all of it is UTF-8.
void expect_printable(const std::string& text);

}  // namespace nestbed::test
