// What the host finds out about a pointer chase when its guest is done.
#pragma once

#include <stop_token>
#include <string>

#include "vmm/model/translation_caches.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/study/walk_result.hpp"

namespace nestbed::vmm {

/// What the model has to know of the host.
struct WalkHost {
    /// Guests' addresses pass through a second stage (EPT, NPT); without, through a shadow table
    /// that is as deep as a process's.
    bool second_stage = false;
    TranslationCaches caches{};
    std::string source{};  ///< in words: where the caches' sizes are from
};

/// The one that this process runs on.
WalkHost walk_host();

/// Runs the model over the guest's tables and the order of its chain, and then the chase as a
/// process of the host, whose measurements it adds to `result`; with fewer samples if `stop` is
/// requested meanwhile. Destroys the chain. For a test that passed.
WalkFindings inspect_walk(const Machine& machine, TestResult& result,
                          const WalkCombination& combination, const WalkSampling& sampling,
                          const WalkHost& host, const std::stop_token& stop);

}  // namespace nestbed::vmm
