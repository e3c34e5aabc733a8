#!/bin/sh
# debian_changelog.sh CHANGELOG VERSION MAINTAINER: prints what CHANGELOG says of VERSION in Debian's form.
set -eu
date=$(sed -n "s/^## $2 - //p" "$1")
echo "nestbed ($2) unstable; urgency=medium"
echo
# The lines of the list, from this heading to the next.
sed -n "/^## $2 - /,/^## /s/^- /* /p" "$1" | fold -s -w 74 | sed 's/^[^*]/  &/; s/^/  /; s/ *$//'
echo
echo " -- $3  $(LC_ALL=C date -u -d "$date" -R)"
