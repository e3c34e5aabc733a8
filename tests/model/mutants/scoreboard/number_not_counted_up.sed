# a target is asked with the number of the time before
s/mine\.asked\[cpu\]\.store(last + 1,/mine.asked[cpu].store(last == 0 ? 1 : last,/
