// The output formats, by name and each by itself.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/text_sink.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

/// One object for the whole run, indented, with a final line end. Within one schema version keys
/// are added, never renamed, and keep their meaning.
void write_json(const RunReport& report, const TextSink& sink);
inline constexpr int json_schema = 2;

/// What stands before all else: schema, version, command, provenance and host.
nlohmann::ordered_json json_head(const RunReport& report);

/// `nestbed doctor --json`: the same object without tests.
std::string json_host_report(const std::vector<std::string>& command, const HostDescription& host,
                             const std::optional<Calibration>& calibration,
                             const Provenance& provenance);

/// JUnit XML, as CI systems read it: one testsuite per suite. What was not run is an erroneous test
/// case `nestbed.run`. Valid by the schemas of Jenkins and of Ant; with tests that were run again
/// by that of Jenkins alone.
void write_junit(const RunReport& report, const TextSink& sink);

/// Any bytes as XML character data or attribute value: markup is escaped, and what XML 1.0 cannot
/// hold, or a terminal would obey, is shown as printable() does it.
std::string xml_escaped(std::string_view text);

/// A row for each measurement, or with `report.histograms` for each bucket of each.
void write_csv(const RunReport& report, const TextSink& sink);

/// The Test Anything Protocol (testanything.org). It calls itself version 13, which every consumer
/// takes; nothing in it differs in version 14. If something was not run, the last line bails out.
void write_tap(const RunReport& report, const TextSink& sink);

/// A description: one line, in which `#` starts no directive.
std::string tap_escaped(std::string_view text);

struct Format {
    std::string_view name;
    std::string_view ending;  ///< of a file's name that asks for it
    /// Null: each command has its own.
    void (*write)(const RunReport&, const TextSink&);

    bool operator==(const Format& other) const { return name == other.name; }
};
inline constexpr Format human_format{"human", ".txt", nullptr};
inline constexpr Format json_format{"json", ".json", write_json};
inline constexpr Format csv_format{"csv", ".csv", write_csv};
inline constexpr Format junit_format{"junit", ".xml", write_junit};
inline constexpr std::array formats{human_format, json_format, csv_format, junit_format,
                                    Format{"tap", ".tap", write_tap}};

}  // namespace nestbed::vmm
