# the targets are sent no NMI
s/platform_\.send_nmi(targets);//
