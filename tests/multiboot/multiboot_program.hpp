// For tests of the program with multiboot guests: its report.
#pragma once

#include <nlohmann/json.hpp>

#include "tests/multiboot/multiboot_test.hpp"

namespace nestbed::test {

class MultibootProgram : public Multiboot {
  protected:
    nlohmann::json report() const { return nlohmann::json::parse(contents(path("out.json"))); }
};

}  // namespace nestbed::test
