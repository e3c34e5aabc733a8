#!/bin/sh
# find_package.sh CMAKE BUILD DIRECTORY COMPILER: installs the headers from BUILD into DIRECTORY,
# which is made anew, and there configures, builds and runs a project that finds them.
set -eu
cmake=$1
build=$2
directory=$3
compiler=$4
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$directory"
mkdir -p "$directory"
"$cmake" --install "$build" --component headers --prefix "$directory/prefix"

if [ -e "$directory/prefix/bin" ]; then
    echo "the headers came with a program" >&2
    exit 1
fi
# The project must not find anything in this repository.
cp -r "$here/project" "$directory/project"
"$cmake" -S "$directory/project" -B "$directory/build" \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$directory/prefix" \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror" \
    -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
"$cmake" --build "$directory/build" --verbose
"$directory/build/hosted"
