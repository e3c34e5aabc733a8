#!/bin/sh
# run.sh COMPILER: what the types of shared/paging and of guests must catch does not compile.
#
# Each file of cases/ misuses the library once, and each of guest_cases/ what a guest test is written
# with. Compiled as it is, it must fail with the message that it expects; with WITHOUT_MISUSE it must
# compile, or the failure would prove nothing: so do all of a folder together, each `use` under a name
# of its own.
set -u
cd "$(dirname "$0")/../.." || exit
compiler=$1
flags='-std=c++20 -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Werror -I .'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
messages=$work/messages

# precompile HEADER [FLAG ...]: most of the time would go into reading the same headers for each case.
# Sets `library`, to be compiled with.
precompile() {
    header=$1
    shift
    case $compiler in
        *clang*) library="$* -include-pch $header.pch" precompiled=$header.pch ;;
        *) library="$* -include $header" precompiled=$header.gch ;;
    esac
    # shellcheck disable=SC2086 # a list of words
    $compiler $flags "$@" -x c++-header "$header" -o "$precompiled" || exit 1
}

failed=0
count=0

# compiles FILE
compiles() {
    # shellcheck disable=SC2086 # lists of words
    LC_ALL=C $compiler $flags $library -fsyntax-only "$1" 2>"$messages"
}

complain() {
    echo "$compiler: $1" >&2
    cat "$messages" >&2
    failed=$((failed + 1))
}

# check_all CASE ...
check_all() {
    {
        echo '#define WITHOUT_MISUSE'
        for case in "$@"; do
            printf '#define use use_%s\n#include "%s"\n#undef use\n' "$(basename "$case" .cpp)" "$case"
        done
    } >"$work/uses.cpp"
    compiles "$work/uses.cpp" || complain "without their misuse $(dirname "$1") does not compile"
    for case in "$@"; do
        count=$((count + 1))
        expected=$(sed -n "s,^// expected\( of $compiler\)\{0\,1\}: ,,p" "$case")
        if [ -z "$expected" ]; then
            complain "$case does not say what it expects"
        elif compiles "$case"; then
            complain "$case compiles"
        elif ! grep -E -q "error: .*($expected)" "$messages"; then
            complain "$case fails, but not with \"$expected\""
        fi
    done
}

echo '#include "tests/negative/mapper.hpp"' >"$work/library.hpp"
precompile "$work/library.hpp"
check_all tests/negative/cases/*.cpp

for header in guest/harness/measure.hpp guest/harness/test.hpp guest/kernel/user.hpp; do
    echo "#include \"$header\""
done >"$work/guest.hpp"
precompile "$work/guest.hpp" -DNESTBED_GUEST -ffreestanding -fno-exceptions -fno-rtti
check_all tests/negative/guest_cases/*.cpp
compiles tests/negative/guest_accepted.cpp || complain "tests/negative/guest_accepted.cpp does not compile"

echo "$count cases, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
