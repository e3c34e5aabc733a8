#include "vmm/host/emulated_machine.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/json_text.hpp"

namespace nestbed::vmm {

nlohmann::ordered_json json_of(const EmulatedMachine& machine) {
    return {{"emulator", machine.emulator},
            {"cpu_model", machine.cpu_model},
            {"kernel_package", machine.kernel_package},
            {"package_checksum", machine.package_checksum},
            {"kernel_checksum", machine.kernel_checksum},
            {"retries", machine.retries}};
}

std::string text_of(const EmulatedMachine& machine) { return json_file_text(json_of(machine)); }

EmulatedMachine emulated_machine_from(std::string_view text, std::string_view file) {
    try {
        const auto json = parse_json(text, file);
        return {json.at("emulator"),         json.at("cpu_model"),       json.at("kernel_package"),
                json.at("package_checksum"), json.at("kernel_checksum"), json.at("retries")};
    } catch (const nlohmann::json::exception& error) {
        throw_error(ErrorKind::input, "{}: {}", file, complaint_of(error));
    }
}

std::optional<EmulatedMachine> this_emulated_machine() {
    // A folder of that name may be anybody's, and closed to us.
    std::error_code closed;
    if (!std::filesystem::exists(emulated_machine_path, closed)) {
        return std::nullopt;
    }
    return emulated_machine_from(read_file(emulated_machine_path));
}

}  // namespace nestbed::vmm
