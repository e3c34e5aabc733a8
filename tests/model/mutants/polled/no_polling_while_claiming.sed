# an initiator does not poll while it waits for a claim
/void claim(/,/^    }$/ s/poll();//
