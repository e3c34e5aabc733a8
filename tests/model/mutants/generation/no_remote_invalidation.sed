# a target acknowledges and does not invalidate
/void handle_interrupt()/,/^    }$/ s/catch_up(message);//
