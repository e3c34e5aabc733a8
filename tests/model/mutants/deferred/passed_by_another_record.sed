# whether a ticket has passed is looked up in the record after its own
s/ring\.records\[ticket\.number % ring_size\]/ring.records[(ticket.number + 1) % ring_size]/
