# a target acknowledges before it invalidates
/platform_\.invalidate(\*space_, request_);/d
/pending_\.fetch_sub/a platform_.invalidate(*space_, request_);
