// The pointer chase of `measure_walk` as an ordinary process of the host runs it: the same code,
// chains, samples and number of threads, without a guest.
#pragma once

#include <stop_token>

#include "shared/paging/page_size.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// In the guest's own memory, which is made of `page`s and which this process has mapped as well,
/// if it can be mapped by entries as large as the guest's TLB entries, `leaf`, were; else in other
/// memory, whose pages are. The chain is lost. Adds the measurements to `result`; with fewer
/// samples, one at least, if `stop` is requested. Throws Error if there are no threads for it.
void chase_in_process(const Point& point, const Machine& machine, paging::PageSize page,
                      paging::PageSize leaf, TestResult& result, const std::stop_token& stop);

}  // namespace nestbed::vmm
