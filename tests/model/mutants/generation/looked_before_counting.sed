# the look at the active CPUs comes before the generation is counted up
/const std::uint64_t last =/i const CpuSet before = platform_.active_cpus(space);
s/CpuSet targets = platform_\.active_cpus(space)/CpuSet targets = before/
