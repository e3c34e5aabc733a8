// nestbed kut: the tests of a kvm-unit-tests checkout, each in a fresh VM.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "vmm/cli/command.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/run_guests.hpp"
#include "vmm/kut/checkout.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr char kut_examples[] =
    "Examples:\n"
    "  nestbed kut ~/kvm-unit-tests                    all that run_tests.sh would run\n"
    "  nestbed kut DIR --group vmexit --verbose        with what the guests say\n"
    "  nestbed kut DIR --filter 'kut.x2apic:kut.svm*'  tests by name\n"
    "  nestbed kut DIR --output kut.xml                JUnit, with each PASS and FAIL line\n"
    "  nestbed nested --paging npt -- kut DIR          in a machine with a KVM of its own\n\n"
    "The checkout must be built: ./configure && make. docs/kvm-unit-tests.md says more.\n\n";

struct KutCommand {
    KutCommand() { run.settings.memory = 0; }  // no more than the list says, unless asked for

    std::string folder;
    KutOptions tests = kut_options_of_host();
    RunOptions run;
};

GuestSet guests_of(const KutCommand& command) {
    GuestSet guests;
    for (const KutTest& test : tests_of_checkout(command.folder, command.tests)) {
        const std::string file = test.file.string();
        GuestTest guest_test = guest_test_of(test);
        guests.push_back(test.skip_reason.empty()
                             ? Guest::read_multiboot(file, std::move(guest_test))
                             : Guest::without_file(file, std::move(guest_test)));
    }
    return guests;
}

/// What of the checkout is read, for a machine that has none of it.
std::vector<std::string> files_of(const KutCommand& command) {
    const fs::path folder = command.folder;
    std::vector<std::string> files;
    const auto add = [&](const fs::path& file) {
        if (fs::is_regular_file(file) && std::ranges::count(files, file.string()) == 0) {
            files.push_back(file.string());
        }
    };
    for (const char* name : {"x86/unittests.cfg", "config.mak", "errata.txt"}) {
        add(folder / name);
    }
    for (const KutTest& test : tests_of_checkout(command.folder, command.tests)) {
        add(test.file);
    }
    return files;
}

}  // namespace

void add_kut(CLI::App& program, Invocation& invocation) {
    auto command = std::make_shared<KutCommand>();
    CLI::App* app =
        program.add_subcommand("kut", "Run a kvm-unit-tests checkout's tests, each in a fresh VM");
    app->add_option("DIR", command->folder, "The checkout, built")->required();
    add_value(app, "--group", "GROUP", "Only tests of this group, those to be run by hand too",
              [command = command.get()](const std::string& text) { command->tests.group = text; });
    add_flag(app, "--all", "Those to be run by hand too, and those that errata guard",
             [command = command.get()] { command->tests.all = true; });
    add_test_options(app, command->run.selection);
    add_common_options(app, command->run);
    app->footer(std::string(kut_examples) + exit_code_help);
    app->callback([command, &invocation] {
        refuse_unused(command->run);
        invocation.outputs = command->run.report.outputs;
        invocation.inputs = files_of(*command);
        invocation.action = [command, command_line = invocation.command_line] {
            return run_guests(command->run, command_line, [&] { return guests_of(*command); });
        };
    });
}

}  // namespace nestbed::vmm
