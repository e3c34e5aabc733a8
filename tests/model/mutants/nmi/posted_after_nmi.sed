# the targets are sent NMIs before the request is posted
/board_\.post(request, targets);/d
s/platform_\.send_nmi(targets);/platform_.send_nmi(targets); board_.post(request, targets);/
