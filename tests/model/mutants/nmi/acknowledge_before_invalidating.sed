# a target acknowledges before it invalidates
/platform_\.invalidate_always(request);/d
s/^            acknowledge();/            acknowledge(); platform_.invalidate_always(request);/
