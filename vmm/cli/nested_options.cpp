#include "vmm/cli/nested_options.hpp"

#include "vmm/base/error.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/options.hpp"

namespace nestbed::vmm {

namespace {

/// An option given as "" is one whose shell variable was not set.
const CLI::Validator not_empty(
    [](const std::string& text) { return std::string(text.empty() ? "must not be empty" : ""); },
    "");

std::uint64_t parse_machine_memory(const std::string& text) {
    // Linux, the initramfs and what it is unpacked to.
    constexpr std::uint64_t least = std::uint64_t{256} << 20;
    const std::uint64_t size = parse_size("--memory", text);
    if (size < least) {
        throw_error(ErrorKind::usage, "--memory {}: the machine needs 256M", text);
    }
    return size;
}

void add_machine_options(CLI::App* command, NestedOptions& options) {
    NestedSettings& settings = options.settings;
    add_value(command, "--paging", "KIND", "What translates guest addresses: npt, shadow or ept",
              [&](const std::string& text) { settings.paging = parse_nested_paging(text); })
        ->required();
    add_value(command, "--cpus", "N", "The machine's processors (default 2)",
              [&](const std::string& text) {
                  settings.cpus = static_cast<std::uint32_t>(parse_number("--cpus", text, 1, 64));
              });
    add_value(command, "--memory", "SIZE", "The machine's memory (default 1536M; ept 512M)",
              [&](const std::string& text) { settings.memory = parse_machine_memory(text); });
    command->add_flag("--five-level", settings.five_level,
                      "Its kernel, and so the second stage, uses five levels");
    command->add_option("--cpu-model", settings.cpu_model, "The processor, by its emulator's name")
        ->type_name("MODEL")
        ->check(not_empty);
    add_value(command, "--timeout", "SECONDS",
              "Ends the machine if nothing is heard of it for so long (default 120)",
              [&](const std::string& text) { options.silence = parse_seconds("--timeout", text); });
}

void add_kernel_options(CLI::App* command, NestedOptions& options) {
    command
        ->add_option("--cache", options.cache,
                     "Where the kernel is kept (default ~/.cache/nestbed)")
        ->type_name("FOLDER")
        ->check(not_empty);
    command->add_option("--kernel", options.kernel, "Another kernel's image")
        ->type_name("FILE")
        ->check(not_empty);
    command->add_option("--modules", options.modules, "The folder of its modules")
        ->type_name("FOLDER")
        ->check(not_empty);
}

void add_command_options(CLI::App* command, NestedOptions& options) {
    command
        ->add_option("--program", options.program,
                     "Run this program instead; COMMAND is its arguments")
        ->type_name("FILE")
        ->check(not_empty);
    add_values(command, "--with", "PATH",
               "A file or folder that is to be in the machine as it is here; may be repeated",
               [&](const std::string& text) { options.with.emplace_back(text); });
    command->add_option("COMMAND", options.command, "What to run, with its options, after --");
}

}  // namespace

void add_nested_options(CLI::App* command, NestedOptions& options) {
    add_machine_options(command, options);
    add_kernel_options(command, options);
    add_command_options(command, options);
}

}  // namespace nestbed::vmm
