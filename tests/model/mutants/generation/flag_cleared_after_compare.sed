# the lazy flag is cleared after the generations are compared
/cpu\.lazy\.store(false/d
/void leave_lazy()/,/^    }$/ {
/platform_\.fence();/d
s/^    }$/        cpu.lazy.store(false, std::memory_order_relaxed); platform_.fence(); }/
}
