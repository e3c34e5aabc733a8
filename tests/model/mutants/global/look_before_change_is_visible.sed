# the look at the active CPUs comes before the fence that the lock is
/^        lock();$/d
/const CpuSet targets/a lock();
