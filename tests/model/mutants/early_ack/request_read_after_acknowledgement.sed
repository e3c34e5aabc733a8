# the request is read after the early acknowledgement
s/const Message message = initiator\.message;/const Message\& message = initiator.message;/
