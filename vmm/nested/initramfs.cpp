#include "vmm/nested/initramfs.hpp"

#include <cstdlib>
#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/host/emulated_machine.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/cpio.hpp"
#include "vmm/nested/kernel_modules.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t readable_file = S_IFREG | 0644;

/// The shared libraries of a program: the absolute paths in lines like
/// "libc.so.6 => /lib/libc.so.6 (0x7f)". None of a static one, for which ldd fails.
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
    const auto permissions = static_cast<std::uint32_t>(fs::status(source).permissions());
    archive.add(path.string(), S_IFREG | permissions, read_file(source, ErrorKind::input));
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
    try {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
            const std::string name = entry.path();
            if (entry.is_symlink()) {
                archive.add(name, S_IFLNK | 0777, fs::read_symlink(name).string());
            } else if (entry.is_directory()) {
                archive.add_folder(name);
            } else if (entry.is_regular_file()) {
                add_file(archive, name, name);
            }
        }
    } catch (const fs::filesystem_error& error) {
        throw_error(ErrorKind::input, "cannot take {} along: {}", path.string(),
                    error.code().message());
    }
}

void add_program_with_libraries(CpioArchive& archive, const fs::path& path) {
    add_file(archive, path, path);
    for (const fs::path& library : libraries_of(path)) {
        add_file(archive, library, library);
    }
}

/// Returns their paths in there.
std::vector<std::string> add_modules(CpioArchive& archive, const Emulator& emulator,
                                     const NestedKernel& kernel) {
    std::vector<std::string> paths;
    for (const fs::path& file : modules_to_load(kernel.modules, emulator.kvm_module)) {
        paths.push_back("/nestbed/" + module_name(file) + ".ko");
        archive.add(paths.back(), readable_file, read_module(file));
    }
    return paths;
}

/// Whoever reads the command's output may be GitHub's runner, which has annotations, and takes
/// lines of a guest's for its own commands unless the command sees to it.
std::vector<std::string> variables_of_the_reader() {
    const char* const value = std::getenv("GITHUB_ACTIONS");
    return value == nullptr ? std::vector<std::string>()
                            : std::vector<std::string>{std::string("GITHUB_ACTIONS=") + value};
}

}  // namespace

std::string make_initramfs(const Emulator& emulator, const NestedKernel& kernel,
                           const NestedCommand& command, std::uint32_t retries) {
    CpioArchive archive;
    // The kernel opens it for the first process before that could make it.
    archive.add("/dev/console", S_IFCHR | 0600, "", makedev(5, 1));
    archive.add_folder("/proc");
    archive.add_folder("/sys");
    archive.add("/tmp", S_IFDIR | 01777);
    archive.add_folder(command.directory.string());
    add_file(archive, program_path, "/proc/self/exe");
    Task task{.modules = add_modules(archive, emulator, kernel),
              .module_parameters = emulator.kvm_parameters,
              .expected_parameter = emulator.expected_parameter,
              .command = {program_path},
              .directory = command.directory,
              .environment = variables_of_the_reader(),
              .outputs = {}};
    if (!command.program.empty()) {
        const fs::path program = absolute(command.directory, command.program);
        task.command = {program};
        add_program_with_libraries(archive, program);
    }
    task.command.insert(task.command.end(), command.arguments.begin(), command.arguments.end());
    for (const fs::path& input : command.inputs) {
        add_way_to(archive, command.directory / input);
        add_input(archive, absolute(command.directory, input));
    }
    for (const fs::path& output : command.outputs) {
        add_way_to(archive, command.directory / output);
        task.outputs.push_back(absolute(command.directory, output));
    }
    archive.add(task_path, readable_file, bytes_of(task));
    archive.add(emulated_machine_path, readable_file,
                text_of(EmulatedMachine{.emulator = emulator.name,
                                        .cpu_model = emulator.cpu_model,
                                        .kernel_package = kernel.package,
                                        .package_checksum = kernel.package_checksum,
                                        .kernel_checksum = kernel.checksum,
                                        .retries = retries}));
    return std::move(archive).finish();
}

}  // namespace nestbed::vmm
