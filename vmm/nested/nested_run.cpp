#include "vmm/nested/nested_run.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/nested/file.hpp"
#include "vmm/nested/initramfs.hpp"
#include "vmm/nested/kernel_modules.hpp"

namespace nestbed::vmm {

namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::error_code error;
        const fs::path parent = fs::temp_directory_path(error);
        if (error) {
            throw_error(ErrorKind::host_lacks,
                        "there is no folder for temporary files (TMPDIR): {}", error.message());
        }
        std::string pattern = fs::absolute(parent) / "nestbed-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw_error(ErrorKind::io, "cannot make a folder {}: {}", pattern,
                        std::strerror(errno));
        }
        path_ = pattern;
    }
    ~TemporaryFolder() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

}  // namespace

NestedResult run_nested(const Emulator& emulator, const NestedKernel& kernel,
                        const NestedCommand& command, std::chrono::milliseconds silence,
                        NestedObserver& observer, const std::stop_token& stop) {
    NestedContents contents{
        .modules = ModuleFolder(kernel.modules).load_order(emulator.kvm_module()),
        .module_parameters = emulator.kvm_parameters(),
        .expected_parameter = emulator.expected_parameter(),
        .program = command.program,
        .arguments = command.arguments,
        .directory = fs::current_path(),
        .inputs = command.inputs,
        .outputs = command.outputs,
        .machine = {.emulator = emulator.name(),
                    .cpu_model = emulator.cpu_model(),
                    .kernel_package = kernel.package,
                    .package_checksum = kernel.package_checksum,
                    .kernel_checksum = kernel.checksum}};
    const TemporaryFolder folder;
    const fs::path initramfs = folder.path() / "initramfs";
    NestedResult result;
    for (;; ++result.retries) {
        contents.machine.retries = result.retries;
        write_whole(initramfs, make_initramfs(contents));
        result.boot = boot(
            {.emulator = emulator.name(),
             .command = emulator.command(kernel, initramfs, folder.path()),
             .directory = folder.path(),
             .silence = silence,
             .complaint_in = [&](const std::string& said) { return emulator.complaint_in(said); }},
            observer, stop);
        const bool retry = result.boot.end == BootEnd::hung && !result.boot.any_output;
        if (!retry || result.retries == 1) {
            return result;
        }
        observer.retrying(result.boot);
    }
}

}  // namespace nestbed::vmm
