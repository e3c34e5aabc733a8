#!/bin/sh
# package.sh CMAKE SOURCES DIRECTORY NESTBED: installs the guest package into DIRECTORY/prefix, with the
# program NESTBED, from a configuration without the VMM in which nothing is built.
set -eu
cmake=$1
sources=$2
directory=$3
nestbed=$4

rm -rf "$directory"
mkdir -p "$directory"
"$cmake" -S "$sources" -B "$directory/configured" -DNESTBED_VMM=OFF -DCMAKE_BUILD_TYPE=Release
# It needs a compiler and nothing else: it has looked for no package and no library.
if grep -E '^[A-Za-z_0-9]*(_DIR|_LIBRARY|_LIBRARIES|_EXECUTABLE|NESTBED_(LIB|D3|CAPSTONE)[A-Z0-9_]*):' \
    "$directory/configured/CMakeCache.txt" | grep -vE '^(nestbed|CMAKE)_'; then
    echo "configuring guests alone has looked for this" >&2
    exit 1
fi
"$cmake" --install "$directory/configured" --component guest --prefix "$directory/prefix"
if [ -e "$directory/prefix/bin" ]; then
    echo "the guest package came with a program" >&2
    exit 1
fi
mkdir "$directory/prefix/bin"
cp "$nestbed" "$directory/prefix/bin/nestbed"
