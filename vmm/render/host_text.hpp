// The host and its calibration for a person.
#pragma once

#include <optional>
#include <string>

#include "vmm/base/text.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/host/provenance.hpp"
#include "vmm/result/calibration.hpp"

namespace nestbed::vmm {

/// What `nestbed doctor` prints, on a page of at most `width` columns.
std::string host_text(const Provenance& provenance, const HostDescription& host,
                      const std::optional<Calibration>& calibration,
                      std::size_t width = page_width);

/// The calibration in one line, and below it how far timings can be trusted, in a few words.
std::string calibration_text(const HostDescription& host, const Calibration& calibration,
                             std::size_t width = any_width);

}  // namespace nestbed::vmm
