# the targets are not interrupted
s/platform_\.send_interrupt(targets);//
