# the look at the active CPUs may come before the change to the tables
s/platform_\.fence();//
