# the first CPU that sweeps empties the set
s/fetch_and(~self\.bits(), /fetch_and(0, /
