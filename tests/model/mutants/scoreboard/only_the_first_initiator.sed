# a target carries out one request per interrupt
s/carry_out(initiator, initiator\.done\[self\], asked);/{ carry_out(initiator, initiator.done[self], asked); return; }/
