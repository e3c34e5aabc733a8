# an initiator does not poll while it waits for its targets
/void shoot(/,/^    }$/ s/^                poll();$//
