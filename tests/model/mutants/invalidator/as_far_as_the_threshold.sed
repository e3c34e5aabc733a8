# ranges that are far apart are asked for as far as the threshold
s/request\.everything |= request\.pages\.pages > paging::max_single_invalidations;/if (request.pages.pages > paging::max_single_invalidations) { request.pages.pages = paging::max_single_invalidations; }/
