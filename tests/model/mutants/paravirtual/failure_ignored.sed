# a target that runs again before the flush is asked for is left out
s/preempted\.compare_exchange_strong(/(preempted.compare_exchange_strong(/
s/std::memory_order_acq_rel);/std::memory_order_acq_rel), true);/
