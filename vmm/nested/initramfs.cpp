#include "vmm/nested/initramfs.hpp"

#include <link.h>

#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/diagnose/disassembly.hpp"
#include "vmm/nested/child_output.hpp"
#include "vmm/nested/cpio.hpp"
#include "vmm/nested/kernel_modules.hpp"
#include "vmm/nested/task.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t readable = 0644;

/// The shared libraries of this process, under the names by which it found them.
std::vector<fs::path> own_libraries() {
    // Diagnoses load the disassembler when they need it; once asked for, it is among the others.
    static_cast<void>(disassembler_remedy());
    std::vector<fs::path> paths;
    ::dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* result) {
            // The program itself has no name; what the kernel provides is no file.
            if (fs::exists(object->dlpi_name)) {
                static_cast<std::vector<fs::path>*>(result)->emplace_back(object->dlpi_name);
            }
            return 0;
        },
        &paths);
    return paths;
}

/// Those of another program: the absolute paths in lines like "libc.so.6 => /lib/libc.so.6 (0x7f)".
/// None of a static one, for which ldd fails.
std::vector<fs::path> libraries_of(const fs::path& program) {
    std::vector<fs::path> paths;
    std::istringstream words(output_of({"sh", "-c", "ldd -- \"$0\" || true", program}));
    for (std::string word; words >> word;) {
        if (word.starts_with('/')) {
            paths.emplace_back(word);
        }
    }
    return paths;
}

fs::path absolute(const fs::path& directory, const fs::path& path) {
    return (directory / path).lexically_normal();
}

/// With the permissions that it has here, so that programs stay programs.
void add_file(CpioArchive& archive, const fs::path& path, const fs::path& source) {
    const auto mode = static_cast<std::uint32_t>(fs::status(source).permissions());
    archive.add_file(path.string(), read_file(source), mode);
}

/// The folders through which `path` leads, those that it leaves again by `..` included.
void add_way_to(CpioArchive& archive, const fs::path& path) {
    fs::path way;
    for (const fs::path& step : path.parent_path()) {
        way /= step;
        archive.add_folder(way.lexically_normal().string());
    }
}

void add_input(CpioArchive& archive, const fs::path& path) {
    if (!fs::is_directory(path)) {
        add_file(archive, path, path);
        return;
    }
    archive.add_folder(path.string());
    std::error_code error;
    fs::recursive_directory_iterator entry(path, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (entry->is_symlink()) {
            archive.add_link(entry->path().string(), fs::read_symlink(entry->path()).string());
        } else if (entry->is_directory()) {
            archive.add_folder(entry->path().string());
        } else if (entry->is_regular_file()) {
            add_file(archive, entry->path(), entry->path());
        }
    }
    if (error) {
        throw_error(ErrorKind::input, "cannot take {} along: {}", path.string(), error.message());
    }
}

/// Returns its path in the archive.
std::string add_program(CpioArchive& archive, const NestedContents& contents) {
    add_file(archive, program_path, "/proc/self/exe");
    for (const fs::path& library : own_libraries()) {
        add_file(archive, library, library);
    }
    if (contents.program.empty()) {
        return program_path;
    }
    const fs::path path = absolute(contents.directory, contents.program);
    add_file(archive, path, path);
    for (const fs::path& library : libraries_of(path)) {
        add_file(archive, library, library);
    }
    return path;
}

void add_modules(CpioArchive& archive, Task& task, const NestedContents& contents) {
    for (const fs::path& file : contents.modules) {
        const std::string path = "/nestbed/" + module_name(file) + ".ko";
        archive.add_file(path, read_module(file), readable);
        task.modules.push_back({path, ""});
    }
    task.modules.back().parameters = contents.module_parameters;
}

}  // namespace

std::string make_initramfs(const NestedContents& contents) {
    CpioArchive archive;
    // The kernel opens it for the first process before that could make it.
    constexpr std::uint32_t console_major = 5;
    constexpr std::uint32_t console_minor = 1;
    archive.add_character_device("/dev/console", console_major, console_minor);
    archive.add_folder("/proc");
    archive.add_folder("/sys");
    constexpr std::uint32_t open_to_all = 01777;
    archive.add_folder("/tmp", open_to_all);
    archive.add_folder(contents.directory.string());
    Task task;
    task.expected_parameter = contents.expected_parameter;
    task.directory = contents.directory;
    task.command = {add_program(archive, contents)};
    task.command.insert(task.command.end(), contents.arguments.begin(), contents.arguments.end());
    add_modules(archive, task, contents);
    for (const fs::path& input : contents.inputs) {
        add_way_to(archive, contents.directory / input);
        add_input(archive, absolute(contents.directory, input));
    }
    for (const fs::path& output : contents.outputs) {
        const fs::path path = absolute(contents.directory, output);
        add_way_to(archive, contents.directory / output);
        task.outputs.push_back(path);
    }
    archive.add_file(task_path, bytes_of(task), readable);
    archive.add_file(emulated_machine_path, text_of(contents.machine), readable);
    return std::move(archive).finish();
}

}  // namespace nestbed::vmm
