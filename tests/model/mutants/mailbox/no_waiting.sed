# the initiator does not wait for acknowledgements
s/while (slot\.acknowledged\.load(std::memory_order_acquire) != slot\.last)/while (false)/
