# lazy CPUs are not interrupted for a few pages, though a table is freed
s/if (!request\.frees_tables)/if (!request.frees_tables || !request.everything)/
