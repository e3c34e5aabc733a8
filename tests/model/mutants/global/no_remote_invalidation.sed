# a target acknowledges and does not invalidate
s/platform_\.invalidate(\*space_, request_);//
