# a target acknowledges before it invalidates
/void poll()/,/^    }$/ {
/platform_\.invalidate(\*slot\.space, slot\.request);/d
s/slot\.state\.store(unclaimed, std::memory_order_release);/Space\& space = *slot.space; const Request request = slot.request; slot.state.store(unclaimed, std::memory_order_release); platform_.invalidate(space, request);/
}
