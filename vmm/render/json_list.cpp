#include "vmm/render/json_list.hpp"

#include "vmm/base/json_text.hpp"

namespace nestbed::vmm {

namespace {

nlohmann::ordered_json listed(const SelectedTest& selected) {
    const auto& [guest, test] = selected;
    return {{"suite", test->suite},
            {"name", test->name},
            {"guest", guest->name()},
            {"file", test->file},
            {"line", test->line},
            {"cpus", test->needs.cpus},
            {"memory", test->needs.memory},
            {"test_memory", test->needs.test_memory},
            {"timeout", test->needs.timeout == 0 ? nlohmann::ordered_json(nullptr)
                                                 : nlohmann::ordered_json(test->needs.timeout)},
            {"tags", test->tags}};
}

}  // namespace

std::string json_list(const SelectedTests& selected) {
    nlohmann::ordered_json list{{"list_schema", 1},
                                {"nestbed", NESTBED_VERSION},
                                {"tests", nlohmann::ordered_json::array()},
                                {"remarks", selected.remarks}};
    for (const SelectedTest& one : selected.tests) {
        list["tests"].push_back(listed(one));
    }
    return json_file_text(list);
}

}  // namespace nestbed::vmm
