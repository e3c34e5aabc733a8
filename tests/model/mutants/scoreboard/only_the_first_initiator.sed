# a target carries out one request per interrupt
/carry_out(message, \[&\] {/,/});/ s/});/}); return;/
