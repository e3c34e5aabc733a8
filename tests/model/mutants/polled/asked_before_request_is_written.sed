# a target is asked before the request is written
/^            slot\.request = request;$/d
/slot\.state\.store(mine/a slot.request = request;
