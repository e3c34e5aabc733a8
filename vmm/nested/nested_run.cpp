#include "vmm/nested/nested_run.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/nested/child_process.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

ScratchFolder temporary_folder() {
    std::error_code error;
    const fs::path parent = fs::temp_directory_path(error);
    if (error) {
        throw_error(ErrorKind::host_lacks, "there is no folder for temporary files (TMPDIR): {}",
                    error.message());
    }
    std::string pattern = fs::absolute(parent) / "nestbed-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw_error(ErrorKind::io, "cannot make a folder {}: {}", pattern, std::strerror(errno));
    }
    return ScratchFolder(pattern);
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

/// Says where it runs, and refuses what a boot would show only after minutes, or in other words.
void complete(NestedCommand& command) {
    std::error_code error;
    command.directory = fs::current_path(error);
    if (error) {
        throw_error(ErrorKind::io, "the current folder is gone: {}", error.message());
    }
    if (!command.program.empty() &&
        !program_exists((command.directory / command.program).string())) {
        throw_error(ErrorKind::usage, "--program {}: there is no such program",
                    command.program.string());
    }
    refuse_kernel_folders(command.directory);
    for (const fs::path& input : command.inputs) {
        refuse_kernel_folders(input);
        if (!fs::is_regular_file(input) && !fs::is_directory(input)) {
            throw_error(ErrorKind::usage, "{}: there is no such file or folder", input.string());
        }
    }
}

}  // namespace

NestedMachine make_nested_machine(NestedRequest request, NestedObserver& observer) {
    complete(request.command);
    std::vector<OutputFile> outputs(request.command.outputs.begin(), request.command.outputs.end());
    const bool ept = request.settings.paging == NestedPaging::ept;
    Emulator emulator = ept ? make_bochs(request.settings) : make_qemu(request.settings);
    observer.preparing("nested machine: preparing its kernel");
    return {.emulator = std::move(emulator),
            .kernel = request.kernel.empty()
                          ? cached_kernel(request.cache.empty() ? default_cache() : request.cache)
                          : kernel_by_hand(request.kernel, request.modules),
            .command = std::move(request.command),
            .silence = request.silence,
            .outputs = std::move(outputs)};
}

BootResult run_nested(NestedMachine& machine, NestedObserver& observer,
                      const std::stop_token& stop) {
    observer.preparing("nested machine: booting");
    const Emulator& emulator = machine.emulator;
    const ScratchFolder folder = temporary_folder();
    const fs::path initramfs = folder.path() / "initramfs";
    BootResult result;
    for (std::uint32_t retries = 0;; ++retries) {
        write_file(initramfs, make_initramfs(emulator, machine.kernel, machine.command, retries));
        result = boot({.emulator = emulator.name,
                       .command = emulator.command(machine.kernel, initramfs, folder.path()),
                       .directory = folder.path(),
                       .silence = machine.silence,
                       .complaint_in = emulator.complaint_in},
                      observer, stop);
        result.retries = retries;
        if (result.end != BootEnd::hung || result.any_output || retries == 1) {
            break;
        }
        observer.retrying(result);
    }
    FirstError error;
    for (const auto& file : result.files) {
        error.attempt([&] { machine.outputs.at(file.first).write(file.second); });
    }
    error.throw_if_any();
    return result;
}

}  // namespace nestbed::vmm
