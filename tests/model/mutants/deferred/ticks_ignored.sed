# CPUs do not sweep at their ticks
s/void tick() { sweep(); }/void tick() {}/
