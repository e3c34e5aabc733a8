# a ticket passes when the next is posted
s/ticket\.number + ring_size <= ring\.posted/ticket.number < ring.posted/
