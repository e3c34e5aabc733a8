# a target acknowledges early and does not invalidate
/void carry_out/,$ s/^        platform_\.invalidate(space, request);$//
