# a receiver invalidates only the range, though it is farther behind
s/if (reached + 1 == message\.generation)/if (true)/
