# the look at who is lazy comes before the generation is counted up
/const std::uint64_t last =/i const CpuSet awake = without_lazy(CpuSet((std::uint64_t{1} << platform_.cpu_count()) - 1));
s/targets = without_lazy(targets);/targets = CpuSet(targets.bits() \& awake.bits());/
