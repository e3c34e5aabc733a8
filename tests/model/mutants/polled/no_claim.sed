# initiators of the same target do not take turns
s/^            claim(slot);$//
