#include "vmm/nested/init.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "shared/arch/msr.hpp"
#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/frame.hpp"

namespace nestbed::vmm {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KvmParameter, path, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Task, modules, module_parameters, expected_parameter, command,
                                   directory, environment, outputs)

namespace {

constexpr char channel_device[] = "/dev/ttyS1";

/// The line to the machine outside: bytes as they are, as fast as such a line goes.
Descriptor open_channel() {
    Descriptor line(::open(channel_device, O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (line.get() < 0) {
        throw_error(ErrorKind::host_lacks, "cannot open {}: {}", channel_device,
                    std::strerror(errno));
    }
    termios settings{};
    ::tcgetattr(line.get(), &settings);
    ::cfmakeraw(&settings);
    ::cfsetspeed(&settings, B115200);
    settings.c_cflag |= CLOCAL;  // nobody tells us that there is somebody
    ::tcsetattr(line.get(), TCSANOW, &settings);
    return line;
}

void send(const Descriptor& channel, FrameKind kind, std::string_view text) {
    write_all(channel.get(), frames_of(kind, text));  // of its failure nobody could be told
}

void load_module(const std::string& path, const std::string& parameters) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (::syscall(SYS_finit_module, file.get(), parameters.c_str(), 0) != 0) {
        throw_error(ErrorKind::host_lacks, "the nested machine's kernel does not load {} {}: {}",
                    std::filesystem::path(path).filename().string(), parameters,
                    std::strerror(errno));
    }
}

/// KVM takes a wish for nested paging that the processor cannot fulfil for none.
void refuse_other_paging(const KvmParameter& expected) {
    const std::string value = read_file(expected.path);
    if (!value.starts_with(expected.value)) {
        throw_error(ErrorKind::host_lacks,
                    "the nested machine's processor has not the paging that was asked for ({} is "
                    "{}, not {}): give it another --cpu-model",
                    expected.path, value.substr(0, value.find('\n')), expected.value);
    }
}

int run_command(const Descriptor& channel, const Task& task) {
    const auto sends = [&](FrameKind kind) {
        return [&channel, kind](const std::string& text) { send(channel, kind, text); };
    };
    ::setenv(progress_variable, "3", 1);
    for (const std::string& variable : task.environment) {
        const std::size_t equals = variable.find('=');
        ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    ChildProcess command(
        {.command = task.command,
         .outputs = {sends(FrameKind::output), sends(FrameKind::error), sends(FrameKind::progress)},
         .directory = task.directory});
    const ProcessEnd end = command.read_until_end();
    if (end.signal != 0) {
        send(channel, FrameKind::error,
             fmt::format("nestbed: the command was ended by {}\n", text_of(end)));
        constexpr int signal_base = 128;  // as shells say it
        return signal_base + end.signal;
    }
    return end.code;
}

void send_files(const Descriptor& channel, const Task& task) {
    for (std::size_t n = 0; n < task.outputs.size(); ++n) {
        if (std::filesystem::is_regular_file(task.outputs[n])) {
            send(channel, FrameKind::file, fmt::format("{}", n));
            send(channel, FrameKind::contents, read_file(task.outputs[n]));
        }
    }
}

kvm::Vcpu make_vcpu_without_apic(const kvm::System& system, kvm::Vm& vm) {
    kvm::Vcpu vcpu = vm.create_vcpu(1, system.vcpu_mapping_size());
    kvm_sregs special = vcpu.special_registers();
    special.apic_base &= ~arch::msr::apic_base_enable;
    vcpu.set_special_registers(special);
    return vcpu;
}

void do_task(const Descriptor& channel) {
    const Task task = task_from(read_file(task_path));
    for (const std::string& module : task.modules) {
        load_module(module, module == task.modules.back() ? task.module_parameters : "");
    }
    refuse_other_paging(task.expected_parameter);
    // A VM that never runs, there as long as the command. With the first VM that is made, and with
    // the last one that goes, Linux patches its own code under the other processors; QEMU 7.2 may
    // go on with the breakpoint that it translated meanwhile, and the machine hangs. A run of tests
    // makes and unmakes hundreds of VMs; beside this one none of them is the first or the last.
    const kvm::System system;
    kvm::Vm idle_vm = system.create_vm();
    idle_vm.create_irqchip();
    const kvm::Vcpu idle_vcpu = idle_vm.create_vcpu(0, system.vcpu_mapping_size());
    // So it is with the first vCPU whose local APIC is off, and the last one.
    const kvm::Vcpu without_apic = make_vcpu_without_apic(system, idle_vm);
    send(channel, FrameKind::ready, "");
    const int code = run_command(channel, task);
    send_files(channel, task);
    send(channel, FrameKind::finished, fmt::format("{}", code));
}

}  // namespace

// CBOR, not JSON: command lines and paths may hold any bytes, JSON's strings only UTF-8.
std::string bytes_of(const Task& task) {
    std::string bytes;
    Json::to_cbor(task, bytes);
    return bytes;
}

Task task_from(std::string_view bytes) {
    try {
        return Json::from_cbor(bytes);
    } catch (const Json::exception& error) {
        throw_error(ErrorKind::input, "{}: {}", task_path, error.what());
    }
}

void run_nested_init() {
    if (::getpid() != 1 || !std::filesystem::exists(task_path)) {
        throw_error(ErrorKind::usage, "this is the first process of a nested machine only");
    }
    ::mount("proc", "/proc", "proc", 0, nullptr);
    ::mount("sysfs", "/sys", "sysfs", 0, nullptr);
    ::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
    ::mkdir("/tmp", 01777);  // where programs put what does not fit their memory
    const Descriptor channel = open_channel();
    try {
        do_task(channel);
    } catch (const std::exception& error) {
        send(channel, FrameKind::problem, error.what());
    }
    ::tcdrain(channel.get());
    ::reboot(RB_POWER_OFF);
    ::_exit(0);  // the kernel then panics, which ends the machine as well
}

}  // namespace nestbed::vmm
