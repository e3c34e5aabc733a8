#include "vmm/nested/nested_run.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/machine_folder.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

/// A file of no name, which goes with whoever has it open: with all of us, however we end.
Descriptor nameless_file(std::string_view contents) {
    Descriptor file(::memfd_create("initramfs", MFD_CLOEXEC));
    if (const int error = file.get() < 0 ? errno : write_all(file.get(), contents)) {
        throw_error(ErrorKind::io, "cannot make the machine's initramfs of {}: {}",
                    size_text(contents.size()), std::strerror(error));
    }
    return file;
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
    std::optional<MachineFolder> folder;
    if (emulator.needs_folder) {
        folder.emplace();
    }
    const fs::path directory = folder ? folder->path() : fs::path("/");
    BootResult result;
    for (std::uint32_t retries = 0;; ++retries) {
        const Descriptor initramfs =
            nameless_file(make_initramfs(emulator, machine.kernel, machine.command, retries));
        const std::string here = fmt::format("/proc/self/fd/{}", initramfs.get());
        result = boot({.emulator = emulator.name,
                       .command = emulator.command(machine.kernel, here, directory),
                       .input = initramfs.get(),
                       .directory = directory,
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
