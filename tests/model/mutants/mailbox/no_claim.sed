# initiators of the same target do not take turns
s/while (slot\.claimed\.exchange(true, std::memory_order_acquire))/while (false)/
