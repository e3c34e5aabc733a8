// Of a provenance what a person can use: how the processors are set up, and what holds them back.
#pragma once

#include <string>

#include "vmm/host/provenance.hpp"

namespace nestbed::vmm {

std::string circumstances_text(const Provenance& provenance);

}  // namespace nestbed::vmm
