# the flush bit is set by a store, though the target may run again
/preempted\.compare_exchange_strong(/,/;/c (preempted.store(static_cast<std::uint8_t>(state | kvm_vcpu_flush_tlb), std::memory_order_seq_cst), true);
