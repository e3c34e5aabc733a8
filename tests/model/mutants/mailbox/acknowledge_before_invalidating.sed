# a target acknowledges before it invalidates
/platform_\.invalidate(\*slot\.space, slot\.request);/d
/slot\.acknowledged\.store(posted/a platform_.invalidate(*slot.space, slot.request);
