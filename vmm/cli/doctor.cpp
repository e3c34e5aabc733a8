// nestbed doctor: what this host's KVM is, can do, and how far its timings can be trusted.

#include <memory>
#include <optional>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/provenance.hpp"
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

struct DoctorOptions {
    bool json = false;
    bool anonymous = false;
};

ExitCode doctor(const DoctorOptions& options, const std::vector<std::string>& command_line) {
    Provenance provenance = begin_provenance(options.anonymous);
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
        calibration = calibrate(*system, {}, interrupts.token());
        if (interrupts.token().stop_requested()) {
            return ExitCode::interrupted;
        }
    }
    end_provenance(provenance);
    print(options.json ? json_host_report(command_line, host, calibration, provenance)
                       : host_text(provenance, host, calibration, output_width()));
    if (const auto problem = problem_of(host, calibration)) {
        throw Error(*problem);
    }
    return ExitCode::success;
}

}  // namespace

void add_doctor(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<DoctorOptions>();
    CLI::App* command = program.add_subcommand(
        "doctor", "Say what this host's KVM is and how far its timings can be trusted");
    command->add_flag("--json", options->json, "As JSON");
    add_anonymous_option(command, options->anonymous);
    command->footer(std::string(doctor_help) + exit_code_help);
    command->callback([options, &invocation] {
        invocation.action = [options, command_line = invocation.command_line] {
            return doctor(*options, command_line);
        };
    });
}

}  // namespace nestbed::vmm
