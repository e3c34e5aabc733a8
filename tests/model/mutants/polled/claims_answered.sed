# a target answers a claim, before there is a request
s/<= claimed) {/== unclaimed) {/
