# the initiator does not wait for acknowledgements
s/while (mine\.done\[cpu\]\.load(std::memory_order_acquire) != asked)/while (false)/
