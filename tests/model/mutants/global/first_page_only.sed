# of a range only the first page is invalidated by targets
s/platform_\.invalidate(\*space_, request_);/{ Request first = request_; first.pages.pages = 1; platform_.invalidate(*space_, first); }/
