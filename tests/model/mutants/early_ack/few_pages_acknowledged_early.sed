# a request that frees tables is acknowledged early if it is for a few pages
s/ && !message\.request\.frees_tables/ \&\& !(message.request.frees_tables \&\& message.request.everything)/
