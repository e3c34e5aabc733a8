# a target that is descheduled is left out, and no flush is asked for
s/state | kvm_vcpu_flush_tlb)/state)/
