#!/bin/sh
# guests.sh CMAKE DIRECTORY COMPILER GENERATOR: builds the project `guests`, which finds what is installed
# in DIRECTORY/prefix, and runs its guests. Exits with 3 if there is no usable /dev/kvm for that.
set -eu
cmake=$1
prefix=$2/prefix
project="$2/guests of $3" # with a space
compiler=$3
generator=$4
here=$(cd "$(dirname "$0")" && pwd)
output="$project/output"

rm -rf "$project"
cp -r "$here/guests" "$project"
"$cmake" -S "$project" -B "$project/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF
"$cmake" --build "$project/build" --parallel 2

# expect TEXT: it is in the output.
expect() {
    if ! grep -qF "$1" "$output"; then
        cat "$output"
        echo "not in there: $1" >&2
        exit 1
    fi
}

line=$(grep -n 'the line that fails' "$project/tests/mine.cpp" | cut -d: -f1)
"$prefix/bin/nestbed" list "$project/build/guests/mine.elf" "$project/build/guests/second.elf" >"$output"
expect "tests/mine.cpp:$((line - 1))"
expect "sub/second.cpp:3"
if grep -F "$project" "$output"; then
    echo "a path that is not relative to the project" >&2
    exit 1
fi

"$prefix/bin/nestbed" doctor >/dev/null || exit 3
status=0
"$prefix/bin/nestbed" run "$project/build/guests/mine.elf" "$project/build/guests/second.elf" \
    >"$output" || status=$?
expect "PASS  mine.user_mode_reads_what_was_mapped"
expect "PASS  mine.all_cpus_log"
expect "FAIL  mine.fails"
expect "tests/mine.cpp:$line: expected twice(1) == 3U"
expect "FAIL  mine.panics"
expect "(guest/kernel/panic.cpp:"
expect "(guest/boot/entry.S:"
expect "PASS  second.passes"
[ "$status" = 1 ]
