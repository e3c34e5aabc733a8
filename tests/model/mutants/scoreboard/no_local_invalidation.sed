# the initiator does not invalidate on its own CPU
/const std::uint32_t self = platform_\.current_cpu();/{n;s/platform_\.invalidate(space, request);//}
