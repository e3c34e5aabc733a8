# the initiator does not wait for acknowledgements
s/board_\.wait(targets);//
