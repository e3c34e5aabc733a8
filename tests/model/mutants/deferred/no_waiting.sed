# the initiator does not wait until its ticket has passed
s/while (!passed(ticket))/while (false)/
