# a CPU leaves the set and does not invalidate
s/platform_\.invalidate(\*record\.space, record\.request);//
