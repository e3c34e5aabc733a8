# of several ranges only the first is asked for
s/request\.pages = hull(request\.pages, range);//
