# a CPU leaves the set before it invalidates
/void carry_out(/,/^    }$/ {
/platform_\.invalidate(\*record\.space, record\.request);/d
s/record\.waiting\.fetch_and(~self\.bits(), std::memory_order_release);/Space\& space = *record.space; const Request request = record.request; record.waiting.fetch_and(~self.bits(), std::memory_order_release); platform_.invalidate(space, request);/
}
