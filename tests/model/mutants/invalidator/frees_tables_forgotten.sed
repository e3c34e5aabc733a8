# that tables are freed is not passed on
/request\.frees_tables = /d
