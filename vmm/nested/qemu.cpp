// QEMU without acceleration: emulates SVM with nested paging.

#include <fmt/format.h>

#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/emulator.hpp"

namespace nestbed::vmm {

namespace {

constexpr char qemu_program[] = "qemu-system-x86_64";

std::vector<std::string> command_of(const NestedSettings& settings, const NestedKernel& kernel) {
    const std::vector<std::pair<std::string, std::string>> options{
        {"-display", "none"},
        {"-accel", "tcg,thread=multi"},
        {"-cpu", settings.cpu_model},
        {"-smp", fmt::format("{}", settings.cpus)},
        {"-m", fmt::format("{}M", *settings.memory >> 20)},
        {"-serial", fmt::format("file:/dev/fd/{}", console_descriptor)},
        {"-serial", fmt::format("file:/dev/fd/{}", channel_descriptor)},
        {"-kernel", kernel.image},
        {"-initrd", fmt::format("/dev/fd/{}", initramfs_descriptor)},
        {"-append", kernel_arguments(settings)}};
    std::vector<std::string> command{qemu_program, "-nodefaults", "-no-user-config", "-no-reboot"};
    for (const auto& [option, value] : options) {
        command.insert(command.end(), {option, value});
    }
    return command;
}

}  // namespace

Emulator make_qemu(NestedSettings settings) {
    if (!program_exists(qemu_program)) {
        throw_error(ErrorKind::host_lacks,
                    "there is no {}: apt-get install --no-install-recommends qemu-system-x86",
                    qemu_program);
    }
    if (settings.cpu_model.empty()) {
        // All that it has, less what serves hypervisors below hypervisors: with it, under shadow
        // paging, a processor now and then stayed in its guest for ever, deaf to interrupts (in 2
        // of 7 runs of all suites with QEMU 7.2; without it in none of 10).
        settings.cpu_model = "max,vgif=off,v-vmsave-vmload=off";
    }
    settings.memory = settings.memory.value_or(1536 << 20);
    const bool npt = settings.paging == NestedPaging::npt;
    return {.name = "QEMU " + word_after("version", output_of({qemu_program, "--version"})),
            .cpu_model = settings.cpu_model,
            .kvm_module = "kvm-amd",
            .kvm_parameters = npt ? "npt=1" : "npt=0",
            .expected_parameter = {"/sys/module/kvm_amd/parameters/npt", npt ? "Y" : "N"},
            .complaint_in = last_line,
            .command = [settings](const NestedKernel& kernel,
                                  const std::filesystem::path& /*initramfs*/,
                                  const std::filesystem::path& /*folder*/) {
                return command_of(settings, kernel);
            }};
}

}  // namespace nestbed::vmm
