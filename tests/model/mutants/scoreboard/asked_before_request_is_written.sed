# targets are asked before the request is written
/^        mine\.message = message;$/d
/mine\.asked\[cpu\]\.store(last + 1/{n;a mine.message = message;
}
