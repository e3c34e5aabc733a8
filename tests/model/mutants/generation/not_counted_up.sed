# the generation is not counted up
s/fetch_add(1, std::memory_order_seq_cst)/fetch_add(0, std::memory_order_seq_cst)/
