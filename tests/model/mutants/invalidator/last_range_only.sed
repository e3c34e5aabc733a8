# of several ranges only the last is asked for
s/request\.pages = hull(request\.pages, range);/request.pages = range;/
