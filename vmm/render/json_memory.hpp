// What a VM's memory was made of, in JSON and back.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vmm/memory/memory_report.hpp"

namespace nestbed::vmm {

nlohmann::ordered_json json_of(const HugePages& pages);
nlohmann::ordered_json json_of(const MemoryReport& report);

/// Throws a nlohmann::json::exception for what is none.
MemoryReport memory_report_in(const nlohmann::ordered_json& json);

}  // namespace nestbed::vmm
