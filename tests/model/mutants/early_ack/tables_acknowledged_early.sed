# a request that frees tables is acknowledged early too
s/!request\.frees_tables/true/
