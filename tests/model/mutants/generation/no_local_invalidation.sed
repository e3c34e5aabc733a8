# the initiator does not invalidate on its own CPU
/void shoot(/,/^    }$/ s/^        catch_up(message);$//
