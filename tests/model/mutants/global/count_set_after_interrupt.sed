# the count is set after the interrupt is sent
/pending_\.store(targets\.size()/d
/platform_\.send_interrupt(targets);/a pending_.store(targets.size(), std::memory_order_release);
