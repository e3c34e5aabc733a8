# an initiator with an odd number claims the last slot first
s/^        targets\.for_each(\[&\](std::uint32_t cpu) {$/        targets.for_each([\&](std::uint32_t nth) { std::uint32_t cpu = nth; if (platform_.current_cpu() % 2 == 1 \&\& targets.size() == 2) { cpu = static_cast<std::uint32_t>(std::countr_zero(targets.without(nth).bits())); }/
