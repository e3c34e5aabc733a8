# the initiator waits for the first target only
s/while (mine\.done\[cpu\]\.load(std::memory_order_acquire) != asked)/while (cpu == static_cast<std::uint32_t>(std::countr_zero(targets.bits())) \&\& mine.done[cpu].load(std::memory_order_acquire) != asked)/
