# the initiator goes on when the first target has acknowledged
s/while (pending_\.load(std::memory_order_acquire) != 0)/while (pending_.load(std::memory_order_acquire) == targets.size())/
