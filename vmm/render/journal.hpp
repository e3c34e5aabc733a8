// What a sweep has measured so far, on disk as soon as it is measured: beside the report FILE that
// it is to become, FILE.journal, a line of JSON for each run. Whatever ends the program, a later
// one goes on from there.
//
// A line is whole when it ends: one that does not was being written when the program died, and is
// cut off. Once FILE is written, the journal goes; dying between the two leaves both, which say the
// same.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

class Journal {
  public:
    /// Of a sweep that begins. Throws Error(input) if there is a journal, which an interrupted one
    /// has left, Error(io) if it cannot be written.
    static Journal begin(const std::filesystem::path& report);

    /// Of a sweep that goes on: what its journal has, or else the report itself, or nothing if
    /// there is neither. Throws Error(input) for what is neither of them, or if another program
    /// writes it.
    static Journal resume(const std::filesystem::path& report);

    /// What has been measured, in this order; those that could not be run are left out.
    const std::vector<TestResult>& found() const { return found_; }

    /// The provenance of each program that has measured before.
    const nlohmann::ordered_json& earlier_sessions() const { return earlier_sessions_; }

    /// Throws Error(input) if another version of the program, or another host, has measured what
    /// was found, than those in the head of `report`.
    void refuse_another_host(const RunReport& report) const;

    /// What a report had is in the journal afterwards: it may go. Throws Error(io).
    void take_over();

    /// What comes is measured by the program and on the host in the head of `report`.
    void begin_session(const RunReport& report);

    /// Is on disk afterwards. Throws Error(io).
    void add(const TestResult& result);

    /// The report is written.
    void remove();

  private:
    explicit Journal(std::filesystem::path path) : path_(std::move(path)) {}
    void read();
    void read_report(const std::filesystem::path& report);
    void read_lines(std::string_view text);
    void read_line(const nlohmann::ordered_json& line);

    std::filesystem::path path_;
    Descriptor file_{-1};  ///< none until there is something to be written
    std::string head_;     ///< of this session, before the first of its lines
    std::vector<TestResult> found_;
    nlohmann::ordered_json earlier_sessions_ = nlohmann::ordered_json::array();
    nlohmann::ordered_json first_head_;
    std::string of_report_;  ///< what take_over() is to write, if anything
};

}  // namespace nestbed::vmm
