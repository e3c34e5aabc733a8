# a CPU that leaves the lazy state does not flush
/void leave_lazy()/,/^    }$/ s/flush_everything(cpu);//
