#include "vmm/nested/task.hpp"

#include <nlohmann/json.hpp>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KvmParameter, path, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Task, modules, module_parameters, expected_parameter, command,
                                   directory, outputs)

// CBOR, not JSON: command lines and paths may hold any bytes, JSON's strings only UTF-8.
std::string bytes_of(const Task& task) {
    std::string bytes;
    Json::to_cbor(task, bytes);
    return bytes;
}

Task task_from(std::string_view bytes) {
    try {
        return Json::from_cbor(bytes);
    } catch (const Json::exception& error) {
        throw_error(ErrorKind::input, "{}: {}", task_path, error.what());
    }
}

}  // namespace nestbed::vmm
