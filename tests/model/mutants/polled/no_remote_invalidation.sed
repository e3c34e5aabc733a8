# a target acknowledges and does not invalidate
s/platform_\.invalidate(\*slot\.space, slot\.request);//
