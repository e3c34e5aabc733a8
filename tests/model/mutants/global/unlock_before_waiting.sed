# the lock is given up before the targets have acknowledged
/^            while (pending_/i unlock();
s/^        unlock();$//
