# a receiver that is one behind takes itself to be new enough
s/if (reached >= message\.generation)/if (reached + 1 >= message.generation)/
