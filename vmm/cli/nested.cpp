// nested: a command inside a software-emulated machine with a KVM of its own.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "vmm/base/output_file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/nested_options.hpp"
#include "vmm/nested/init.hpp"
#include "vmm/nested/nested_run.hpp"
#include "vmm/nested/task.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr char nested_help[] =
    "Boots a machine that is emulated in software, with a Linux kernel from Debian's package\n"
    "(fetched once, not installed) and this very program, and runs COMMAND there: run, measure,\n"
    "doctor or list, with their options. It needs no KVM here. Output comes as it is written;\n"
    "the exit code is the command's, and files that it writes (--output) are brought back.\n"
    "Timings are those of the emulation.\n\n"
    "  npt     nested paging, AMD's      kvm-amd in QEMU\n"
    "  shadow  shadow paging             kvm-amd npt=0 in QEMU\n"
    "  ept     nested paging, Intel's    kvm-intel in Bochs; slower; has PCID and INVPCID\n\n"
    "Examples:\n"
    "  nestbed nested --paging npt -- doctor\n"
    "  nestbed nested --paging shadow -- run paging --format junit --output shadow.xml\n"
    "  nestbed nested --paging ept -- run --filter 'paging.*'\n\n";

/// Shows what the command writes where it would have written it.
class MachineConsole : public NestedObserver {
  public:
    void booting(const std::string& what) { progress_.show(what); }

    void ready() override { progress_.clear(); }
    void output(std::string_view text) override {
        progress_.clear();
        print(text);
    }
    void error(std::string_view text) override {
        progress_.clear();
        std::fwrite(text.data(), 1, text.size(), stderr);
    }
    void progress(std::string_view text) override {
        // Of several lines the last one is how things are.
        text = text.substr(0, text.rfind('\n'));
        progress_.show(printable(text.substr(text.rfind('\n') + 1)));
    }
    void retrying(const BootResult& hung) override {
        complain_about(hung);
        std::fputs("nestbed: the command had written nothing: trying once more\n", stderr);
    }

    void complain_about(const BootResult& boot) {
        progress_.clear();
        for (const std::string& line : boot.console) {
            std::fputs(fmt::format("nested console: {}\n", line).c_str(), stderr);
        }
        std::fputs(fmt::format("nestbed: {}\n", boot.reason).c_str(), stderr);
    }

  private:
    ProgressLine progress_;
};

NestedKernel kernel_of(const NestedOptions& options) {
    return options.kernel.empty() ? cached_kernel(options.cache ? *options.cache : default_cache())
                                  : kernel_by_hand(options.kernel, options.modules);
}

void refuse_unused_options(const NestedOptions& options) {
    if (options.kernel.empty() != options.modules.empty()) {
        throw_error(ErrorKind::usage, "--kernel and --modules belong together");
    }
    if (options.cache && !options.kernel.empty()) {
        throw_error(ErrorKind::usage, "--cache is for Debian's kernel, not for one by --kernel");
    }
}

/// Another program and its arguments; this one has nothing to check.
NestedCommand foreign_command(const NestedOptions& options) {
    if (!fs::is_regular_file(options.program) || ::access(options.program.c_str(), X_OK) != 0) {
        throw_error(ErrorKind::usage, "--program {}: there is no such program",
                    options.program.string());
    }
    return {options.program, options.command, {}, {}};
}

/// A command of ours, checked here: a mistake is found before the boot.
NestedCommand own_command(const NestedOptions& options, const Invocation& inner) {
    NestedCommand command{{}, options.command, {}, {inner.outputs.begin(), inner.outputs.end()}};
    if (!inner.guests.empty()) {
        const GuestSet guests(builtin_guests(), inner.guests);
        for (const Guest& guest : guests.guests()) {
            if (fs::is_regular_file(guest.image().name())) {
                command.inputs.emplace_back(guest.image().name());
            }
        }
    }
    return command;
}

/// Linux mounts filesystems of its own there, over whatever came along.
void refuse_kernel_folders(const fs::path& path) {
    const fs::path absolute = fs::absolute(path).lexically_normal();
    for (const char* folder : {"/dev", "/proc", "/sys"}) {
        if (std::ranges::mismatch(fs::path(folder), absolute).in1 == fs::path(folder).end()) {
            throw_error(ErrorKind::usage, "{}: nothing in {} can be there in a nested machine",
                        path.string(), folder);
        }
    }
}

void refuse_bad_inputs(const NestedCommand& command) {
    std::error_code error;
    const fs::path here = fs::current_path(error);
    if (error) {
        throw_error(ErrorKind::io, "the current folder is gone: {}", error.message());
    }
    refuse_kernel_folders(here);
    for (const fs::path& input : command.inputs) {
        refuse_kernel_folders(input);
        if (!fs::is_regular_file(input) && !fs::is_directory(input)) {
            throw_error(ErrorKind::usage, "{}: there is no such file or folder", input.string());
        }
    }
}

ExitCode nested(const NestedOptions& options, const Invocation& inner) {
    // First: whatever fails after this, no old file is taken for what this run has found.
    std::vector<OutputFile> outputs(inner.outputs.begin(), inner.outputs.end());
    NestedCommand command =
        options.program.empty() ? own_command(options, inner) : foreign_command(options);
    command.inputs.insert(command.inputs.end(), options.with.begin(), options.with.end());
    refuse_bad_inputs(command);
    const std::unique_ptr<Emulator> emulator = make_emulator(options.settings);
    // A reader that goes away is an error like others: there is a machine to be ended.
    ::signal(SIGPIPE, SIG_IGN);
    MachineConsole console;
    console.booting("nested machine: preparing its kernel");
    const NestedKernel kernel = kernel_of(options);
    const InterruptWatcher interrupts;
    console.booting("nested machine: booting");
    const NestedResult result =
        run_nested(*emulator, kernel, command, options.silence, console, interrupts.token());
    if (result.boot.end == BootEnd::interrupted) {
        return ExitCode::interrupted;
    }
    if (result.boot.end != BootEnd::finished) {
        console.complain_about(result.boot);
        return ExitCode::host_lacks;
    }
    FirstError error;
    for (const auto& file : result.boot.files) {
        error.attempt([&] { outputs.at(file.first).write(file.second); });
    }
    error.throw_if_any();
    return static_cast<ExitCode>(result.boot.code);
}

}  // namespace

void add_nested(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<NestedOptions>();
    CLI::App* command = program.add_subcommand(
        "nested", "Run a command in a software-emulated machine with a KVM of its own");
    add_nested_options(command, *options);
    command->footer(std::string(nested_help) + exit_code_help);
    command->callback([options, &invocation] {
        refuse_unused_options(*options);
        if (options->command.empty() && options->program.empty()) {
            throw_error(ErrorKind::usage,
                        "there is no COMMAND to run in the machine (see nestbed nested --help)");
        }
        const Invocation inner =
            options->program.empty() ? understand_nested(options->command) : Invocation();
        invocation.action = inner.asks_for_help ? inner.action : [options, inner] {
            return nested(*options, inner);
        };
    });
}

void add_nested_init(CLI::App& program, Invocation& invocation) {
    CLI::App* command = program.add_subcommand(init_command)->group("");
    command->callback(
        [&invocation] { invocation.action = []() -> ExitCode { run_nested_init(); }; });
}

}  // namespace nestbed::vmm
