# a target acknowledges and does not invalidate
s/platform_\.invalidate_always(request);//
