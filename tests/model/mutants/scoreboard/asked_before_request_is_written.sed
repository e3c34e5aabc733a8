# targets are asked before the request is written
/^        mine\.request = request;$/d
/platform_\.send_interrupt(targets);/i mine.request = request;
