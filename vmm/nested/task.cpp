#include "vmm/nested/task.hpp"

#include <nlohmann/json.hpp>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

using Json = nlohmann::json;

// CBOR, not JSON: command lines and paths may hold any bytes, JSON's strings only UTF-8.
std::string bytes_of(const Task& task) {
    Json modules = Json::array();
    for (const ModuleLoad& module : task.modules) {
        modules.push_back({{"path", module.path}, {"parameters", module.parameters}});
    }
    std::string bytes;
    Json::to_cbor(Json{{"modules", modules},
                       {"expected_path", task.expected_parameter.path},
                       {"expected_value", task.expected_parameter.value},
                       {"command", task.command},
                       {"directory", task.directory},
                       {"outputs", task.outputs}},
                  bytes);
    return bytes;
}

Task task_from(std::string_view bytes) {
    try {
        const Json json = Json::from_cbor(bytes);
        Task task;
        for (const Json& module : json.at("modules")) {
            task.modules.push_back({module.at("path"), module.at("parameters")});
        }
        json.at("expected_path").get_to(task.expected_parameter.path);
        json.at("expected_value").get_to(task.expected_parameter.value);
        json.at("command").get_to(task.command);
        json.at("directory").get_to(task.directory);
        json.at("outputs").get_to(task.outputs);
        return task;
    } catch (const Json::exception& error) {
        throw_error(ErrorKind::input, "{}: {}", task_path, error.what());
    }
}

}  // namespace nestbed::vmm
