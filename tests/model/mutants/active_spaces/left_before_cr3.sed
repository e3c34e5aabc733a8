# a CPU leaves the old set before CR3 is loaded
/^        write_cr3();$/d
/^            previous->active_set()\.erase(cpu);$/{n;a write_cr3();
}
