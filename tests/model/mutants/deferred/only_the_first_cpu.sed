# a sweep looks only at the records of CPU 0
s/cpu < platform_\.cpu_count()/cpu < 1/
