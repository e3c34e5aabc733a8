# a handler carries out one request
/carry_out(message, \[&\] {/,/});/ s/});/}); return;/
