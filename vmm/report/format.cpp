#include "vmm/report/format.hpp"

#include "vmm/report/json.hpp"
#include "vmm/report/junit.hpp"
#include "vmm/report/tap.hpp"

namespace nestbed::vmm {

std::string render(const RunReport& report, Format format, const HumanStyle& style) {
    switch (format) {
        case Format::human:
            return human_report(report, style);
        case Format::json:
            return json_report(report);
        case Format::junit:
            return junit_report(report);
        case Format::tap:
            return tap_report(report);
    }
    return "";
}

}  // namespace nestbed::vmm
