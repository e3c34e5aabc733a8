// Of a provenance what a person can use: how the processors are set up, and what holds them back.
#pragma once

#include <string>

#include "vmm/base/text.hpp"
#include "vmm/host/provenance.hpp"

namespace nestbed::vmm {

std::string circumstances_text(const Provenance& provenance, std::size_t width = page_width);

}  // namespace nestbed::vmm
