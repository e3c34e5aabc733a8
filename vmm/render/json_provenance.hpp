// When, where and under which circumstances a report was made, in JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vmm/host/provenance.hpp"

namespace nestbed::vmm {

nlohmann::ordered_json json_of(const Provenance& provenance);

}  // namespace nestbed::vmm
