#include "vmm/cli/qemu.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/exit_code.hpp"
#include "vmm/kut/qemu_options.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/pc/cpu_model.hpp"
#include "vmm/pc/debug_exit.hpp"
#include "vmm/run/needed_machine.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

namespace {

/// QEMU's status where it cannot go on. It is also that of a pass, from which run_tests.sh tells it
/// by a line on standard error.
constexpr int qemu_failure = 1;
/// That of a guest which did not end its run itself: no status of DebugExit is even.
constexpr int died = 2;

/// Its first line is read by scripts that want to know how old QEMU is.
constexpr char version_text[] =
    "QEMU emulator version 7.2.0 (its options, as far as kvm-unit-tests uses them, by "
    "nestbed " NESTBED_VERSION ")\n";

constexpr char help_text[] =
    "usage: nestbed-qemu -kernel FILE [options]\n"
    "Runs a multiboot guest as QEMU with KVM would. For kvm-unit-tests: QEMU=nestbed-qemu\n\n"
    "  -kernel FILE, -append ARGUMENTS, -initrd FILE\n"
    "  -smp N, -m MIB, -cpu MODEL[,+FEATURE][,-FEATURE][,vendor=NAME][,phys-bits=N]\n"
    "  -device pc-testdev, -device isa-debug-exit,iobase=0xf4,iosize=0x4\n"
    "  -machine, -accel kvm, -enable-kvm, -overcommit, -global, -nodefaults, -no-reboot,\n"
    "  -display none, -serial stdio: as far as they ask for what there is\n";

void warn(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
        fmt::print(stderr, "{}: {}\n", qemu_program, printable(warning));
    }
}

GuestTest test_of(const QemuRequest& request) {
    GuestTest test{.suite = "qemu",
                   .name = "kernel",
                   .file = request.kernel,
                   .line = 0,
                   .descriptor = 0,
                   .needs = {.cpus = request.pc.cpus}};
    test.pc = request.pc;
    if (!request.initrd.empty()) {
        test.pc->environment = read_file(request.initrd, ErrorKind::input);
    }
    return test;
}

/// As soon as there is a line: whoever has set a time limit ends this process without a word.
TestSettings settings_of_run() {
    TestSettings settings;
    settings.memory = 0;  // no more than -m says
    settings.timeout = std::chrono::hours(24 * 365);
    settings.serial = [](std::string_view piece) { print(piece); };
    return settings;
}

int run(const QemuRequest& request) {
    // All that could be a reason to skip a test is said before the file is looked for.
    const kvm::System system;
    refuse_too_many_cpus(system, request.pc.cpus);
    const kvm::CpuidList supported = system.supported_cpuid();
    cpuid_of(request.pc.cpu, supported, 0, request.pc.cpus, nullptr);
    const std::vector<std::string> lacks = cpu_warnings(request.pc.cpu, supported);
    if (!std::filesystem::exists(request.kernel)) {
        throw_error(ErrorKind::usage, "could not open kernel file '{}': there is no such file",
                    request.kernel);
    }
    warn(request.warnings);
    warn(lacks);
    const GuestTest test = test_of(request);
    const Guest guest = Guest::read_multiboot(request.kernel, test);
    VcpuThread::install_kick_handler();
    const TestResult result = run_test(system, guest, test, settings_of_run(), std::stop_token());
    if (result.error) {
        throw Error(*result.error);
    }
    if (result.exit_value) {
        return exit_status_of(*result.exit_value);
    }
    fmt::print(stderr, "{}: {}\n{}\n", qemu_program, printable(result.reason), result.diagnosis);
    return died;
}

int answer(const QemuRequest& request) {
    switch (request.kind) {
        case QemuRequest::Kind::help:
            print(std::string(version_text) + help_text);
            return 0;
        case QemuRequest::Kind::version:
            print(version_text);
            return 0;
        case QemuRequest::Kind::devices:
            print(qemu_device_list());
            return 0;
        case QemuRequest::Kind::machine:
            break;
    }
    if (request.kernel.empty()) {
        throw_error(ErrorKind::usage, "-kernel is missing: there is nothing to run");
    }
    return run(request);
}

}  // namespace

bool is_called_as_qemu(const char* program) {
    return std::filesystem::path(program).filename() == qemu_program;
}

int run_as_qemu(const std::vector<std::string>& words) {
    try {
        return answer(read_qemu_options(words));
    } catch (...) {
        fmt::print(stderr, "{}: {}\n", qemu_program, printable(current_error().what()));
        return qemu_failure;
    }
}

}  // namespace nestbed::vmm
