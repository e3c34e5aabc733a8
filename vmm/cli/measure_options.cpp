#include "vmm/cli/measure_options.hpp"

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

Format parse_table_format(const std::string& text) {
    const Format format = parse_format(text);
    if (format != Format::human && format != Format::json) {
        throw_error(ErrorKind::usage, "--format {}: a measurement is human or json", text);
    }
    return format;
}

}  // namespace

void add_report_options(CLI::App* command, ReportOptions& options) {
    add_value(command, "--format", "FORMAT", "human (default) or json",
              [&](const std::string& text) { options.format = parse_table_format(text); });
    command
        ->add_option("--output", options.output,
                     "Write the result to this file, as JSON if it is called .json and there\n"
                     "is no --format; the human one still goes to stdout")
        ->type_name("FILE");
}

void add_run_options(CLI::App* command, const char* timeout_help,
                     std::chrono::milliseconds& timeout, Placement& placement) {
    add_value(command, "--timeout", "SECONDS", timeout_help,
              [&](const std::string& text) { timeout = parse_seconds("--timeout", text); });
    command->add_flag_callback(
        "--pin", [&] { placement = Placement::spread; },
        "Pin vCPU n to the n-th host core, around and around (default)");
    command->add_flag_callback(
        "--no-pin", [&] { placement = Placement::free; },
        "Let the host's scheduler place the vCPUs");
}

void add_numbers(CLI::App* command, const char* option, const char* help,
                 std::vector<std::uint64_t>& values, std::uint64_t least, std::uint64_t most) {
    add_value(command, option, "LIST", help,
              [option, &values, least, most](const std::string& text) {
                  values = parse_numbers(option, text, least, most);
              });
}

void add_number(CLI::App* command, const char* option, const char* help, std::uint64_t& value,
                std::uint64_t least, std::uint64_t most) {
    add_value(command, option, "N", help, [option, &value, least, most](const std::string& text) {
        value = parse_number(option, text, least, most);
    });
}

}  // namespace nestbed::vmm
