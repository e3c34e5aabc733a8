#include "vmm/render/format.hpp"

#include <algorithm>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

std::optional<Format> format_by_name(std::string_view file_name) {
    for (const auto& [name, format, ending] : formats) {
        if (!ending.empty() && file_name.ends_with(ending)) {
            return format;
        }
    }
    return std::nullopt;
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

ReportFiles::ReportFiles(const std::vector<std::string>& names, std::optional<Format> format) {
    FirstError error;
    for (const std::string& name : names) {
        const Format chosen = format.value_or(format_by_name(name).value_or(Format::human));
        error.attempt([&] { files_.push_back({OutputFile(name), chosen}); });
    }
    error.throw_if_any();
}

bool ReportFiles::has(Format format) const {
    return std::ranges::find(files_, format, &ReportFile::format) != files_.end();
}

void ReportFiles::write(const std::function<std::string(Format)>& render) {
    FirstError error;
    for (ReportFile& report : files_) {
        error.attempt([&] { report.file.write(render(report.format)); });
    }
    error.throw_if_any();
}

}  // namespace nestbed::vmm
