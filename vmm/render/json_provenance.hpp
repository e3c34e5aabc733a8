// When, where and under which circumstances a report was made, in JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vmm/host/provenance.hpp"

namespace nestbed::vmm {

nlohmann::ordered_json json_of(const Provenance& provenance);

/// The same as if `--anonymous` had been given then.
void make_anonymous(nlohmann::ordered_json& provenance);

}  // namespace nestbed::vmm
