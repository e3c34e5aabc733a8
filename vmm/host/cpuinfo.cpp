#include "vmm/host/cpuinfo.hpp"

#include <fstream>

namespace nestbed::vmm {

std::vector<std::string> cpuinfo_values(const std::filesystem::path& root, std::string_view field) {
    std::vector<std::string> values;
    std::ifstream stream(root / "proc/cpuinfo");
    for (std::string line; std::getline(stream, line);) {
        // "model name\t: A CPU"
        const std::string_view text = line;
        const std::size_t colon = text.find(':');
        const std::string_view name = text.substr(0, text.find_first_of("\t:"));
        if (name == field && colon != std::string_view::npos && colon + 2 < text.size()) {
            values.emplace_back(text.substr(colon + 2));
        }
    }
    return values;
}

}  // namespace nestbed::vmm
