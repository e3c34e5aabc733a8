# a sweep looks only at the first record of each CPU
s/carry_out(record, CpuSet::of(self));/carry_out(record, CpuSet::of(self)); break;/
