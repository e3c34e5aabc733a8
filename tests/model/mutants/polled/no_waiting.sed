# the initiator does not wait for acknowledgements
s/while (slots_\[cpu\]\.state\.load(std::memory_order_acquire) == mine)/while (false)/
