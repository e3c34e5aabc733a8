#include "vmm/nested/qemu.hpp"

#include <fmt/format.h>

#include <sstream>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/tool.hpp"

namespace nestbed::vmm {

namespace {

constexpr char program[] = "qemu-system-x86_64";

/// "QEMU 7.2.22" from "QEMU emulator version 7.2.22 (Debian …)".
std::string name_from(const std::string& version_text) {
    std::istringstream words(version_text);
    for (std::string word; words >> word;) {
        if (word == "version" && words >> word) {
            return "QEMU " + word;
        }
    }
    return "QEMU";
}

}  // namespace

Qemu::Qemu(NestedSettings settings) : settings_(std::move(settings)) {
    if (!program_exists(program)) {
        throw_error(ErrorKind::host_lacks,
                    "there is no {}: apt-get install --no-install-recommends qemu-system-x86",
                    program);
    }
    name_ = name_from(output_of({program, "--version"}));
    if (settings_.cpu_model.empty()) {
        // All that it has, less what serves hypervisors below hypervisors: with it, under shadow
        // paging, a processor now and then stayed in its guest for ever, deaf to interrupts (in 2
        // of 7 runs of all suites with QEMU 7.2; without it in none of 10).
        settings_.cpu_model = "max,vgif=off,v-vmsave-vmload=off";
    }
    constexpr std::uint64_t default_memory = std::uint64_t{1536} << 20;
    settings_.memory = settings_.memory.value_or(default_memory);
}

std::string Qemu::kvm_parameters() const {
    return settings_.paging == NestedPaging::npt ? "npt=1" : "npt=0";
}

KvmParameter Qemu::expected_parameter() const {
    return {"/sys/module/kvm_amd/parameters/npt",
            settings_.paging == NestedPaging::npt ? "Y" : "N"};
}

std::vector<std::string> Qemu::command(const NestedKernel& kernel,
                                       const std::filesystem::path& initramfs,
                                       const std::filesystem::path& /*folder*/) const {
    const auto serial = [](const char* name, int descriptor) {
        return fmt::format("file,id={},path=/dev/fd/{}", name, descriptor);
    };
    return {program,
            "-nodefaults",
            "-no-user-config",
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            settings_.cpu_model,
            "-smp",
            fmt::format("{}", settings_.cpus),
            "-m",
            fmt::format("{}M", *settings_.memory >> 20),
            "-display",
            "none",
            "-no-reboot",
            "-chardev",
            serial("console", console_descriptor),
            "-chardev",
            serial("channel", channel_descriptor),
            "-serial",
            "chardev:console",
            "-serial",
            "chardev:channel",
            "-kernel",
            kernel.image,
            "-initrd",
            initramfs,
            "-append",
            kernel_arguments(settings_)};
}

}  // namespace nestbed::vmm
