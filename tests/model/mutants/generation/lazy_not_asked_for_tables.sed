# lazy CPUs are not interrupted, though a table is freed
s/if (!request\.frees_tables)/if (true)/
