# the request is written after the interrupt is sent
/^            request_ = request;$/d
/platform_\.send_interrupt(targets);/a request_ = request;
