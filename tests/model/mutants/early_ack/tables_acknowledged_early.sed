# a request that frees tables is acknowledged early too
s/ && !message\.request\.frees_tables//
