# a target acknowledges and does not invalidate
s/platform_\.invalidate(\*message\.space, message\.request);//
