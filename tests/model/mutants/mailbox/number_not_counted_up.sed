# a request has the number of the one before
s/++slot\.last/slot.last/
