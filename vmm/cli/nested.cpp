// nested: a command inside a software-emulated machine with a KVM of its own.

#include <fmt/format.h>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>

#include "vmm/base/terminal_text.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/init.hpp"
#include "vmm/nested/nested_run.hpp"
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

/// An option with a name for its text. Given as "" it is one whose shell variable was not set.
template <typename Text>
CLI::Option* add_text(CLI::App* command, const char* name, const char* type, const char* help,
                      Text& text) {
    static const CLI::Validator not_empty(
        [](const std::string& given) { return given.empty() ? "must not be empty" : ""; }, "");
    return command->add_option(name, text, help)->type_name(type)->check(not_empty);
}

constexpr std::array kinds_of_paging{Choice{"npt", NestedPaging::npt},
                                     Choice{"shadow", NestedPaging::shadow},
                                     Choice{"ept", NestedPaging::ept}};

std::uint64_t parse_machine_memory(const std::string& text) {
    // Linux, the initramfs and what it is unpacked to.
    constexpr std::uint64_t least = std::uint64_t{256} << 20;
    const std::uint64_t size = parse_size("--memory", text);
    if (size < least) {
        throw_error(ErrorKind::usage, "--memory {}: the machine needs 256M", text);
    }
    return size;
}

void add_machine_options(CLI::App* command, NestedRequest& request) {
    NestedSettings& settings = request.settings;
    add_choice(command, "--paging", "KIND", "What translates guest addresses: npt, shadow or ept",
               kinds_of_paging, [&](const auto& kind) { settings.paging = kind.value; })
        ->required();
    add_number(command, "--cpus", "N", "The machine's processors (default 2)", 1, 64,
               settings.cpus);
    add_value(command, "--memory", "SIZE", "The machine's memory (default 1536M; ept 512M)",
              [&](const std::string& text) { settings.memory = parse_machine_memory(text); });
    command->add_flag("--five-level", settings.five_level,
                      "Its kernel, and so the second stage, uses five levels");
    add_text(command, "--cpu-model", "MODEL", "The processor, by its emulator's name",
             settings.cpu_model);
    add_value(command, "--timeout", "SECONDS",
              "Ends the machine if nothing is heard of it for so long (default 120)",
              [&](const std::string& text) { request.silence = parse_seconds("--timeout", text); });
}

void add_kernel_options(CLI::App* command, NestedRequest& request) {
    CLI::Option* cache =
        add_text(command, "--cache", "DIR",
                 "Where Debian's kernel is kept (default ~/.cache/nestbed)", request.cache);
    CLI::Option* kernel =
        add_text(command, "--kernel", "FILE", "Another kernel's image", request.kernel);
    kernel->excludes(cache);
    kernel->needs(
        add_text(command, "--modules", "DIR", "The folder of its modules", request.modules)
            ->needs(kernel));
}

void add_command_options(CLI::App* command, NestedRequest& request) {
    add_text(command, "--program", "FILE", "Run this program instead; COMMAND is its arguments",
             request.command.program);
    add_values(command, "--with", "PATH",
               "A file or folder that is to be in the machine as it is here; may be repeated",
               [&](const std::string& text) { request.command.inputs.emplace_back(text); });
    command->add_option("COMMAND", request.command.arguments,
                        "What to run, with its options, after --");
}

/// Of the command in the machine, and so of a guest's, or of whoever took the machine over.
class MachineOutput {
  public:
    explicit MachineOutput(std::FILE* stream)
        : stream_(stream), is_terminal_(::isatty(::fileno(stream)) != 0) {}
    ~MachineOutput() {
        const std::string rest = text_.rest();
        std::fwrite(rest.data(), 1, rest.size(), stream_);
    }
    MachineOutput(const MachineOutput&) = delete;
    MachineOutput& operator=(const MachineOutput&) = delete;

    /// Byte by byte, into a file.
    void print(std::string_view text) {
        const std::string shown = is_terminal_ ? text_.take(text) : std::string(text);
        if (stream_ == stdout) {
            vmm::print(shown);
        } else {
            std::fwrite(shown.data(), 1, shown.size(), stream_);
        }
    }

  private:
    std::FILE* stream_;
    bool is_terminal_;
    TerminalText text_;
};

/// Shows what the command writes where it would have written it.
class MachineConsole : public NestedObserver {
  public:
    void preparing(std::string_view what) override { progress_.show(what); }
    void ready() override { progress_.clear(); }
    void output(std::string_view text) override {
        progress_.clear();
        output_.print(text);
    }
    void error(std::string_view text) override {
        progress_.clear();
        error_.print(text);
    }
    void progress(std::string_view text) override {
        // Of several lines the last one is how things are.
        progress_.show(last_line(text));
    }
    void retrying(const BootResult& hung) override {
        complain_about(hung);
        std::fputs("nestbed: the command had written nothing: trying once more\n", stderr);
    }

    void complain_about(const BootResult& boot) {
        progress_.clear();
        for (const std::string& line : boot.console) {
            fmt::print(stderr, "nested console: {}\n", line);
        }
        fmt::print(stderr, "nestbed: {}\n", printable(boot.reason));
    }

  private:
    MachineOutput output_{stdout};
    MachineOutput error_{stderr};
    ProgressLine progress_;
};

/// A command of ours, checked here: a mistake is found before the boot.
void understand_command(NestedCommand& command, const Invocation& inner) {
    if (inner.resumes) {
        throw_error(ErrorKind::usage,
                    "--resume: not in a nested machine, which keeps no file when it ends");
    }
    for (const std::string& input : inner.inputs) {
        for (const std::string& output : inner.outputs) {
            std::error_code none;
            // The old output is gone before the machine gets its files.
            if (fs::equivalent(input, output, none)) {
                throw_error(ErrorKind::usage,
                            "--output {}: the command in the machine reads it, so that its report "
                            "needs another name",
                            output);
            }
        }
    }
    command.outputs = {inner.outputs.begin(), inner.outputs.end()};
    command.inputs.insert(command.inputs.end(), inner.inputs.begin(), inner.inputs.end());
    if (inner.guests.empty()) {
        return;
    }
    for (const Guest& guest : guests_named(inner.guests)) {
        if (fs::is_regular_file(guest.name())) {
            command.inputs.emplace_back(guest.name());
        }
    }
}

ExitCode nested(const NestedRequest& request) {
    // A reader that goes away is an error like others: there is a machine to be ended.
    ::signal(SIGPIPE, SIG_IGN);
    MachineConsole console;
    NestedMachine machine = make_nested_machine(request, console);
    const InterruptWatcher interrupts;
    const BootResult boot = run_nested(machine, console, interrupts.token());
    if (boot.end == BootEnd::finished) {
        return static_cast<ExitCode>(boot.code);
    }
    if (boot.end == BootEnd::interrupted) {
        return ExitCode::interrupted;
    }
    console.complain_about(boot);
    return ExitCode::host_lacks;
}

}  // namespace

void add_nested(CLI::App& program, Invocation& invocation) {
    auto request = std::make_shared<NestedRequest>();
    CLI::App* command = program.add_subcommand(
        "nested", "Run a command in a software-emulated machine with a KVM of its own");
    add_machine_options(command, *request);
    add_kernel_options(command, *request);
    add_command_options(command, *request);
    command->footer(std::string(nested_help) + exit_code_help);
    command->callback([request, &invocation] {
        NestedCommand& inside = request->command;
        if (inside.arguments.empty() && inside.program.empty()) {
            throw_error(ErrorKind::usage,
                        "there is no COMMAND to run in the machine (see nestbed nested --help)");
        }
        const Invocation inner = inside.program.empty()
                                     ? understand("nestbed", inside.arguments, Commands::of_guests)
                                     : Invocation();
        invocation.action = inner.asks_for_help ? inner.action : [request, inner] {
            understand_command(request->command, inner);
            return nested(*request);
        };
    });
}

void add_nested_init(CLI::App& program, Invocation& invocation) {
    CLI::App* command = program.add_subcommand(init_command)->group("");
    command->callback(
        [&invocation] { invocation.action = []() -> ExitCode { run_nested_init(); }; });
}

}  // namespace nestbed::vmm
