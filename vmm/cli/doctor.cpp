// nestbed doctor: what this host's KVM is, can do, and how far its timings can be trusted.

#include <memory>
#include <optional>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/host_text.hpp"
#include "vmm/run/calibrate.hpp"

namespace nestbed::vmm {

namespace {

constexpr char doctor_help[] =
    "Measures for about half a second. Without a usable /dev/kvm it says why and what would help,\n"
    "prints what can be said of the host all the same, and ends with exit code 3.\n\n"
    "Examples:\n"
    "  nestbed doctor\n"
    "  nestbed doctor --json | jq .host.calibration\n\n";

/// Why no guest can be run, if that is so.
std::optional<Error> problem_of(const HostDescription& host,
                                const std::optional<Calibration>& calibration) {
    if (!host.kvm_problem.empty()) {
        return Error(ErrorKind::host_lacks, host.kvm_problem);
    }
    if (calibration && !calibration->found_anything() && !calibration->problems.empty()) {
        return Error(calibration->error ? calibration->error->kind() : ErrorKind::host_lacks,
                     "/dev/kvm opens, but runs no guest: " + calibration->problems.front());
    }
    return std::nullopt;
}

ExitCode doctor(bool json, const std::vector<std::string>& command_line) {
    std::optional<kvm::System> system;
    std::string no_kvm;
    try {
        system.emplace();
    } catch (const Error& error) {
        no_kvm = error.what();
    }
    HostDescription host = describe_host(system ? &*system : nullptr);
    host.kvm_problem = no_kvm;
    std::optional<Calibration> calibration;
    if (system) {
        VcpuThread::install_kick_handler();
        const InterruptWatcher interrupts;
        calibration = calibrate(*system, interrupts.token());
        if (interrupts.token().stop_requested()) {
            return ExitCode::interrupted;
        }
    }
    print(json ? json_host_report(command_line, host, calibration) : host_text(host, calibration));
    if (const auto problem = problem_of(host, calibration)) {
        throw Error(*problem);
    }
    return ExitCode::success;
}

}  // namespace

void add_doctor(CLI::App& program, Invocation& invocation) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command = program.add_subcommand(
        "doctor", "Say what this host's KVM is and how far its timings can be trusted");
    command->add_flag("--json", *json, "As JSON");
    command->footer(std::string(doctor_help) + exit_code_help);
    command->callback([json, &invocation] {
        invocation.action = [json, command_line = invocation.command_line] {
            return doctor(*json, command_line);
        };
    });
}

}  // namespace nestbed::vmm
