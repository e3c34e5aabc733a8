# a CPU enters the set of active CPUs after CR3 is loaded
/space\.active_set()\.insert(cpu);/d
/^        write_cr3();$/a if (next != nullptr) { next->active_set().insert(cpu); }
