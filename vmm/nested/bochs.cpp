// Bochs: emulates VMX with EPT, VPID and unrestricted guests.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/emulator.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr char bochs_program[] = "bochs-bin";
constexpr char image_maker[] = "grub-mkrescue";
/// By their names alone: a path may hold what means something in a configuration.
constexpr char cd_image[] = "cd.iso";
constexpr char cd_tree[] = "cd";

std::vector<std::string> cpu_models() {
    // It lists them on its standard error, between other lines.
    std::istringstream words(output_of(
        {"sh", "-c", fmt::format("{} --help cpu 2>&1 | grep -xE '[a-z0-9_]+'", bochs_program)}));
    return {std::istream_iterator<std::string>(words), {}};
}

void refuse_what_is_missing() {
    for (const char* needed : {bochs_program, image_maker, "xorriso"}) {
        if (!program_exists(needed)) {
            throw_error(ErrorKind::host_lacks,
                        "there is no {}: apt-get install --no-install-recommends bochs bochs-term "
                        "bochsbios vgabios grub-pc-bin grub-common xorriso",
                        needed);
        }
    }
}

/// The emulated clock counts instructions, so many to a second: with more, the boot takes longer.
constexpr std::uint32_t instructions_per_second = 20'000'000;

/// GRUB's, with what Linux needs to hear besides to get through its boot at this speed: no
/// mitigations. With sleeps by MWAIT its processors miss wake-ups. An interrupt does not reach a
/// guest that spins with interrupts off and makes no exit; what ends such a one is the NMI of a
/// stall detector, which otherwise waits for 21 s. The newer models' TSC is taken for a faster one
/// unless it is told.
std::string boot_menu(const NestedSettings& settings) {
    return fmt::format(
        "set timeout=0\n"
        "linux /boot/vmlinuz mitigations=off nopti idle=halt rcupdate.rcu_cpu_stall_timeout=3 "
        "tsc_early_khz={} {}\n"
        "initrd /boot/initramfs\n"
        "boot\n",
        instructions_per_second / 1000, kernel_arguments(settings));
}

/// A CD from which the BIOS starts GRUB, and GRUB the kernel: Bochs itself starts no kernels.
void make_cd(const NestedSettings& settings, const NestedKernel& kernel, const fs::path& initramfs,
             const fs::path& folder) {
    const fs::path tree = folder / cd_tree;
    fs::create_directories(tree / "boot" / "grub");
    write_file(tree / "boot" / "vmlinuz", read_file(kernel.image));
    write_file(tree / "boot" / "initramfs", read_file(initramfs));
    write_file(tree / "boot" / "grub" / "grub.cfg", boot_menu(settings));
    // In the folder, by names that mean nothing to any of the programs that it calls.
    output_of({"env", "TMPDIR=.", image_maker, "--directory=/usr/lib/grub/i386-pc",
               "--install-modules=linux normal iso9660 biosdisk", "--fonts=", "--themes=",
               "--locales=", fmt::format("--output={}", cd_image), cd_tree},
              folder);
    fs::remove_all(tree);
}

std::string configuration(const NestedSettings& settings) {
    return fmt::format(
        "cpu: model={}, count={}, ips={}, reset_on_triple_fault=0\n"
        "megs: {}\n"
        "clock: sync=none, time0=utc\n"
        "romimage: file=/usr/share/bochs/BIOS-bochs-latest\n"
        "vgaromimage: file=/usr/share/vgabios/vgabios.bin\n"
        "ata0-master: type=cdrom, path={}, status=inserted\n"
        "boot: cdrom\n"
        "com1: enabled=1, mode=file, dev=/dev/fd/{}\n"
        "com2: enabled=1, mode=file, dev=/dev/fd/{}\n"
        "display_library: term\n"
        "config_interface: textconfig\n"
        "panic: action=fatal\n"
        "error: action=ignore\n"
        "info: action=ignore\n"
        "debug: action=ignore\n"
        "speaker: enabled=0\n"
        // Without these it looks for a sound card, and dies where there is none.
        "sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy, driver=dummy\n",
        settings.cpu_model, settings.cpus, instructions_per_second, *settings.memory >> 20,
        cd_image, console_descriptor, channel_descriptor);
}

std::string complaint_in(const std::string& said) {
    constexpr std::string_view marker = "exiting with the following message:\n";
    const std::size_t found = said.find(marker);
    const std::size_t end =
        found == std::string::npos ? found : said.find('\n', found + marker.size());
    return last_line(said.substr(0, end));
}

void complete(NestedSettings& settings, const std::string& name) {
    if (settings.five_level) {
        throw_error(ErrorKind::usage,
                    "--five-level: none of {}'s processors has EPT with five levels", name);
    }
    if (settings.cpu_model.empty()) {
        settings.cpu_model = "corei7_haswell_4770";
    } else if (const auto models = cpu_models();
               std::ranges::find(models, settings.cpu_model) == models.end()) {
        throw_error(ErrorKind::usage, "--cpu-model {}: {} has {}", settings.cpu_model, name,
                    fmt::join(models, ", "));
    }
    constexpr std::uint32_t most_cpus = 8;  // it has no timers for 16
    if (settings.cpus > most_cpus) {
        throw_error(ErrorKind::usage, "--cpus {}: {} has {} at most", settings.cpus, name,
                    most_cpus);
    }
    settings.memory = settings.memory.value_or(512 << 20);
}

}  // namespace

Emulator make_bochs(NestedSettings settings) {
    refuse_what_is_missing();
    const std::string name =
        "Bochs " + word_after("Emulator", output_of({bochs_program, "--help"}));
    complete(settings, name);
    return {.name = name,
            .cpu_model = settings.cpu_model,
            .kvm_module = "kvm-intel",
            .kvm_parameters = "ept=1",
            .expected_parameter = {"/sys/module/kvm_intel/parameters/ept", "Y"},
            .complaint_in = complaint_in,
            .needs_folder = true,
            .command = [settings](const NestedKernel& kernel, const fs::path& initramfs,
                                  const fs::path& folder) -> std::vector<std::string> {
                make_cd(settings, kernel, initramfs, folder);
                write_file(folder / "bochsrc", configuration(settings));
                // Debian's is one with a debugger, which waits for a command to go on.
                write_file(folder / "commands", "continue\n");
                // The display library for terminals wants to know which, even where there is none.
                return {"env", "TERM=vt100", bochs_program, "-q",
                        "-f",  "bochsrc",    "-rc",         "commands"};
            }};
}

}  // namespace nestbed::vmm
