# the initiator does not invalidate on its own CPU
s/^        platform_\.invalidate(space, request);$//
