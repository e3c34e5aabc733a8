# that everything is to be invalidated is not passed on
/request\.everything = /d
