# a record is used again while a CPU has not swept
s/while (record\.waiting\.load(std::memory_order_acquire) != 0)/while (false)/
