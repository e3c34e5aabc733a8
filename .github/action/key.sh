#!/bin/sh
# Prints key=…, a name for what is made of the action's sources: other sources have another one.
set -eu
cd "$GITHUB_ACTION_PATH"
sum=$(find . -type f ! -path './.git/*' ! -path './build/*' -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum | cut -c 1-16)
echo "key=nestbed-$sum"
