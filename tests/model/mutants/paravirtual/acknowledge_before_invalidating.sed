# a target acknowledges before it invalidates
/platform_\.invalidate(\*message\.space, message\.request);/d
s/^            acknowledge();/            acknowledge(); platform_.invalidate(*message.space, message.request);/
