# the targets are interrupted before their slots are posted
/slot\.posted\.store(++slot\.last/d
/platform_\.send_interrupt(targets);/a targets.for_each([&](std::uint32_t cpu) { Slot& slot = slots_[cpu]; slot.posted.store(++slot.last, std::memory_order_release); });
