# the initiator does not invalidate on its own CPU
/void shoot(/,/platform_\.fence();/ s/platform_\.invalidate(space, request);//
