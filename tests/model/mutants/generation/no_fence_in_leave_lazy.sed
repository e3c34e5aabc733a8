# the generations may be compared before the lazy flag is clear for others
/void leave_lazy()/,/^    }$/ s/platform_\.fence();//
