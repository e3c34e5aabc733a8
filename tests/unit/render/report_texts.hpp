// Reports as one text.
#pragma once

#include "vmm/render/format.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

inline std::string report_text(const Format& format, const RunReport& report) {
    return text_written_by([&](const TextSink& sink) { format.write(report, sink); });
}
inline std::string json_report(const RunReport& report) { return report_text(json_format, report); }
inline std::string junit_report(const RunReport& report) {
    return report_text(junit_format, report);
}
inline std::string csv_report(const RunReport& report) { return report_text(csv_format, report); }
inline std::string tap_report(const RunReport& report) {
    return text_written_by([&](const TextSink& sink) { write_tap(report, sink); });
}
inline std::string human_report(const RunReport& report, const HumanStyle& style) {
    return text_written_by([&](const TextSink& sink) { write_human(report, style, sink); });
}

}  // namespace nestbed::vmm
