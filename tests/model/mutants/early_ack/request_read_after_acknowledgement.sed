# the request is read after the early acknowledgement
s/const Request request = initiator\.request;/const Request\& request = initiator.request;/
