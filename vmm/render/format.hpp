// The output formats by name, and files of them.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/base/output_file.hpp"
#include "vmm/render/human.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

enum class Format { human, json, junit, tap };

inline constexpr std::array<std::pair<std::string_view, Format>, 4> formats{{
    {"human", Format::human},
    {"json", Format::json},
    {"junit", Format::junit},
    {"tap", Format::tap},
}};

/// The format that a file's name asks for by its ending, if it does: .json, .xml (junit), .tap.
std::optional<Format> format_by_name(std::string_view file_name);

std::string render(const RunReport& report, Format format, const HumanStyle& style);

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

    bool empty() const { return files_.empty(); }
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
