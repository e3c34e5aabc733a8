# a target that runs is left out as well
s/return (state & kvm_vcpu_preempted) != 0 &&/return/
