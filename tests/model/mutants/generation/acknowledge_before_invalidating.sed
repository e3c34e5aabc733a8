# a target acknowledges before it invalidates
/void handle_interrupt()/,/^    }$/ {
s/catch_up(message);//
s/acknowledge();/acknowledge(); catch_up(message);/
}
