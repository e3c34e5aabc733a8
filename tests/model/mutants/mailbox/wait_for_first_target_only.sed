# the initiator waits for the first target only
s/while (slot\.acknowledged\.load(std::memory_order_acquire) != slot\.last)/while (cpu == static_cast<std::uint32_t>(std::countr_zero(targets.bits())) \&\& slot.acknowledged.load(std::memory_order_acquire) != slot.last)/
