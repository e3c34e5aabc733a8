# the initiator waits for the first target only
s/while (slots_\[cpu\]\.state\.load(std::memory_order_acquire) == mine)/while (cpu == static_cast<std::uint32_t>(std::countr_zero(targets.bits())) \&\& slots_[cpu].state.load(std::memory_order_acquire) == mine)/
