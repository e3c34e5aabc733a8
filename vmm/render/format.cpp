#include "vmm/render/format.hpp"

#include "vmm/render/json.hpp"
#include "vmm/render/junit.hpp"
#include "vmm/render/tap.hpp"

namespace nestbed::vmm {

Format format_by_name(std::string_view file_name) {
    if (file_name.ends_with(".json")) {
        return Format::json;
    }
    if (file_name.ends_with(".xml")) {
        return Format::junit;
    }
    return file_name.ends_with(".tap") ? Format::tap : Format::human;
}

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
