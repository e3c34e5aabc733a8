# an early acknowledgement, and then the request is read again
s/const Request request = initiator\.request;/const Request\& request = initiator.request;/; s/const bool early =/const bool early = true ||/
