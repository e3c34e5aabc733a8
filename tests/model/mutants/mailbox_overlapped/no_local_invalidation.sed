# the initiator does not invalidate on its own CPU
/if (local == LocalInvalidation::overlapped)/,/}/ s/platform_\.invalidate(space, request);//
