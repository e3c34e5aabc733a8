// The output formats, by name and each by itself, and files of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/output_file.hpp"
#include "vmm/render/human.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

enum class Format { human, json, junit, tap };

struct NamedFormat {
    std::string_view name;
    Format format;
    std::string_view ending;  ///< of a file's name that asks for it; empty: none does
};
inline constexpr NamedFormat formats[]{
    {"human", Format::human, ""},
    {"json", Format::json, ".json"},
    {"junit", Format::junit, ".xml"},
    {"tap", Format::tap, ".tap"},
};

/// The format that a file's name asks for by its ending, if it does.
std::optional<Format> format_by_name(std::string_view file_name);

std::string render(const RunReport& report, Format format, const HumanStyle& style);

/// One object for the whole run, indented, with a final line end. Within one schema version keys
/// are added, never renamed, and keep their meaning.
std::string json_report(const RunReport& report);
inline constexpr int json_schema = 1;

/// `nestbed doctor --json`: the same object without tests.
std::string json_host_report(const std::vector<std::string>& command, const HostDescription& host,
                             const std::optional<Calibration>& calibration);

/// JUnit XML, as CI systems read it: one testsuite per suite. What was not run is an erroneous test
/// case `nestbed.run`.
std::string junit_report(const RunReport& report);

/// Any bytes as XML character data or attribute value: markup is escaped, and what XML 1.0 cannot
/// hold at all is shown as `\x1b` (control characters) or U+FFFD (everything else).
std::string xml_escaped(std::string_view text);

/// The Test Anything Protocol (testanything.org). It calls itself version 13, which every consumer
/// takes; nothing in it differs in version 14. If something was not run, the last line bails out.
std::string tap_report(const RunReport& report);

/// A description: one line, in which `#` starts no directive.
std::string tap_escaped(std::string_view text);

/// The files of `--output`: whatever becomes of a run, each of them is written or gone.
class ReportFiles {
  public:
    /// Without a format each file has that of its name, or else the human one. Throws Error if one
    /// of them cannot be written; old ones are gone then.
    ReportFiles(const std::vector<std::string>& names, std::optional<Format> format);

    bool has(Format format) const;

    /// Writes all of them; then throws the first error, if there was one.
    void write(const std::function<std::string(Format)>& render);

  private:
    struct ReportFile {
        OutputFile file;
        Format format;
    };
    std::vector<ReportFile> files_;
};

}  // namespace nestbed::vmm
