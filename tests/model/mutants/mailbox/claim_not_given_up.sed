# a slot stays claimed
s/slot\.claimed\.store(false, std::memory_order_release);//
