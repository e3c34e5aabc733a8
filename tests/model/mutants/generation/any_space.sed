# a receiver does not compare the request's space with its own
s/if (cpu\.space != message\.space)/if (cpu.space == nullptr)/
