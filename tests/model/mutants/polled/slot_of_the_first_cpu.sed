# every target polls the slot of CPU 0
s/slots_\[platform_\.current_cpu()\]/slots_[0]/
