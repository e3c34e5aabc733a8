# the request names another space
s/space_ = &space;/if (space_ == nullptr) { space_ = \&space; }/
