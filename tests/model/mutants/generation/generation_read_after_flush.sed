# the generation that a flush comes to is read after the flush
/void flush_everything(/,/^    }$/ {
/platform_\.invalidate(\*cpu\.space, everything);/d
s/^        const std::uint64_t now =$/        platform_.invalidate(*cpu.space, everything); const std::uint64_t now =/
}
