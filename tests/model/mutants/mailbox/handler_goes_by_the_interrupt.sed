# the handler acknowledges the number it finds afterwards
s/slot\.acknowledged\.store(posted,/slot.acknowledged.store(slot.posted.load(std::memory_order_acquire) + 1,/
